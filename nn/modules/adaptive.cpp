#include "nn/modules/adaptive.h"

#include <cmath>

#include "autograd/ops/compare.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "nn/modules/sequential.h"
#include "tensor/factories.h"

namespace fg::nn {

void AdaptiveLogSoftmaxWithLossImpl::reset() {
  cutoffs = options.cutoffs();
  bool ascending = !cutoffs.empty() && cutoffs[0] > 0 && cutoffs.back() < options.n_classes();
  for (size_t i = 1; i < cutoffs.size(); ++i) ascending = ascending && cutoffs[i - 1] < cutoffs[i];
  ENSURE(ascending,
         "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
         "where each value is between 1 and n_classes-1");
  cutoffs.push_back(options.n_classes());
  shortlist_size = cutoffs[0];
  n_clusters = int64_t(cutoffs.size()) - 1;
  head_size = shortlist_size + n_clusters;
  head = register_module(
      "head", Linear(LinearOptions(options.in_features(), head_size).bias(options.head_bias())));
  tail = register_module("tail", ModuleList());
  for (size_t i = 0; i + 1 < cutoffs.size(); ++i) {
    const auto width =
        int64_t(double(options.in_features()) / std::pow(options.div_value(), double(i + 1)));
    const int64_t classes = cutoffs[i + 1] - cutoffs[i];
    // Made one after the other, as in PyTorch: as arguments of one call they could draw their weights in
    // either order.
    Linear projection(LinearOptions(options.in_features(), width).bias(false));
    Linear scores(LinearOptions(width, classes).bias(false));
    tail->push_back(Sequential(projection, scores));
  }
}

void AdaptiveLogSoftmaxWithLossImpl::reset_parameters() {
  head->reset_parameters();
  for (const auto& cluster : *tail)
    for (const auto& layer : cluster->children()) layer->as<Linear>()->reset_parameters();
}

void AdaptiveLogSoftmaxWithLossImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::AdaptiveLogSoftmaxWithLoss";
}

Tensor AdaptiveLogSoftmaxWithLossImpl::tail_log_prob(int64_t cluster, const Tensor& input) {
  auto& net = tail->at<SequentialImpl>(size_t(cluster));
  return fg::log_softmax(net.forward(input), 1);
}

ASMoutput AdaptiveLogSoftmaxWithLossImpl::forward(const Tensor& input, const Tensor& target) {
  ENSURE(target.dim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
  if (target.dim() == 0 && input.dim() == 1) {
    const ASMoutput single = forward(input.unsqueeze(0), target.unsqueeze(0));
    return {single.output.squeeze(0), single.loss};
  }
  ENSURE(input.dim() == 2 && target.dim() == 1 && input.size(0) == target.size(0),
         "Input and target should have the same size in the batch dimension.");
  const int64_t batch = target.size(0);
  ENSURE(batch == 0 || (target.min().item<int64_t>() >= 0 &&
                        target.max().item<int64_t>() < options.n_classes()),
         "Target values should be in [0, ", options.n_classes() - 1, "], but values in range [",
         target.min().item<int64_t>(), ", ", target.max().item<int64_t>(), "] were found. ");

  Tensor head_index = target, output = zeros({batch}, input.options());
  for (int64_t i = 0; i < n_clusters; ++i) {
    const int64_t low = cutoffs[size_t(i)], high = cutoffs[size_t(i) + 1];
    const Tensor rows = target.ge(low).logical_and(target.lt(high)).nonzero().squeeze(1);
    if (rows.numel() == 0) continue;
    const Tensor relative = (target.index_select(0, rows) - low).unsqueeze(1);
    const Tensor local =
        tail_log_prob(i, input.index_select(0, rows)).gather(1, relative).squeeze(1);
    output = fg::index_copy(output, 0, rows, local);
    head_index = fg::index_fill(head_index, 0, rows, shortlist_size + i);
  }
  const Tensor head_log_prob = fg::log_softmax(head(input), 1);
  output = output + head_log_prob.gather(1, head_index.unsqueeze(1)).squeeze(1);
  return {output, -output.detach().mean().item<double>()};
}

Tensor AdaptiveLogSoftmaxWithLossImpl::full_log_prob(const Tensor& input,
                                                     const Tensor& head_output) {
  const Tensor head_log_prob = fg::log_softmax(head_output, 1);
  std::vector<Tensor> parts = {head_log_prob.narrow(1, 0, shortlist_size)};
  for (int64_t i = 0; i < n_clusters; ++i)
    parts.push_back(tail_log_prob(i, input) + head_log_prob.narrow(1, shortlist_size + i, 1));
  return fg::cat(parts, 1);
}

Tensor AdaptiveLogSoftmaxWithLossImpl::log_prob(const Tensor& input) {
  return full_log_prob(input, head(input));
}

Tensor AdaptiveLogSoftmaxWithLossImpl::predict(const Tensor& input) {
  const Tensor head_output = head(input);
  const Tensor best = fg::argmax(head_output, 1);
  // The tail is needed only where a cluster beats the shortlist.
  const Tensor rows = best.ge(shortlist_size).nonzero().squeeze(1);
  if (rows.numel() == 0) return best;
  const Tensor rest = full_log_prob(input.index_select(0, rows), head_output.index_select(0, rows));
  return fg::index_copy(best, 0, rows, fg::argmax(rest, 1));
}

}  // namespace fg::nn
