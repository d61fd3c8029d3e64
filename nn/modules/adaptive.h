// Adaptive softmax: a loss for many classes of very different frequency.
#pragma once

#include "nn/modules/container.h"
#include "nn/modules/linear.h"
#include "nn/options/adaptive.h"

namespace fg::nn {

/// The log-probability of each target, and the loss: minus their mean, as a number. Gradients flow
/// through `output`.
struct ASMoutput {
  ASMoutput(Tensor output, double loss) : output(std::move(output)), loss(loss) {}
  Tensor output;
  double loss;
};

/// Frequent classes are scored by `head`, beside one score for each cluster of rare ones, whose members
/// a net of `tail` scores for those inputs only that need it (Grave et al., 2017). Classes are ordered
/// by falling frequency.
class AdaptiveLogSoftmaxWithLossImpl : public Cloneable<AdaptiveLogSoftmaxWithLossImpl> {
 public:
  AdaptiveLogSoftmaxWithLossImpl(int64_t in_features, int64_t n_classes,
                                 std::vector<int64_t> cutoffs)
      : AdaptiveLogSoftmaxWithLossImpl(
            AdaptiveLogSoftmaxWithLossOptions(in_features, n_classes, std::move(cutoffs))) {}
  explicit AdaptiveLogSoftmaxWithLossImpl(const AdaptiveLogSoftmaxWithLossOptions& options)
      : options(options) {
    AdaptiveLogSoftmaxWithLossImpl::reset();
  }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;

  /// input [N, in_features] and Long target [N], or one sample [in_features] and [].
  ASMoutput forward(const Tensor& input, const Tensor& target);
  /// Log-probabilities of all classes: [N, n_classes].
  Tensor log_prob(const Tensor& input);
  /// The most probable class of each input: Long [N].
  Tensor predict(const Tensor& input);

  AdaptiveLogSoftmaxWithLossOptions options;
  std::vector<int64_t> cutoffs;  // with n_classes behind
  int64_t shortlist_size = 0;
  int64_t n_clusters = 0;
  int64_t head_size = 0;
  Linear head = nullptr;
  ModuleList tail;

 private:
  Tensor tail_log_prob(int64_t cluster, const Tensor& input);
  Tensor full_log_prob(const Tensor& input, const Tensor& head_output);
};
using AdaptiveLogSoftmaxWithLoss = ModuleHolder<AdaptiveLogSoftmaxWithLossImpl>;

}  // namespace fg::nn
