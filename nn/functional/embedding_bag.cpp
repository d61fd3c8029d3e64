#include <algorithm>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "nn/functional/linear.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg::nn::functional {
namespace {

/// Where each bag begins in the flattened indices, and the end of the last one.
std::vector<int64_t> bag_limits(const Tensor& input, const EmbeddingBagFuncOptions& options) {
  std::vector<int64_t> limits;
  if (input.dim() == 2) {
    ENSURE(!options.offsets().defined(),
           "embedding_bag: offsets must be absent for a 2-d input, got shape ",
           options.offsets().sizes());
    for (int64_t bag = 0; bag <= input.size(0); ++bag) limits.push_back(bag * input.size(1));
    return limits;
  }
  ENSURE(input.dim() == 1, "embedding_bag: input must have 1 or 2 dims, got shape ", input.sizes());
  ENSURE(options.offsets().defined() && options.offsets().dim() == 1,
         "embedding_bag: offsets must be a 1-d tensor for a 1-d input, got ",
         options.offsets().defined() ? str(options.offsets().sizes()) : "no tensor");
  const Tensor offsets = options.offsets().to(kCPU, kLong).contiguous();
  limits.assign(offsets.data_ptr<int64_t>(), offsets.data_ptr<int64_t>() + offsets.numel());
  if (!options.include_last_offset()) limits.push_back(input.size(0));
  ENSURE(!limits.empty() && limits[0] == 0, "embedding_bag: offsets[0] must be 0, got ",
         limits.empty() ? "no offsets" : str(limits[0]));
  for (size_t i = 1; i < limits.size(); ++i) {
    ENSURE(limits[i - 1] <= limits[i] && limits[i] <= input.size(0),
           "embedding_bag: offsets must be sorted and at most ", input.size(0), ", got ", limits[i],
           " after ", limits[i - 1]);
  }
  return limits;
}

/// The largest value of each column over the rows of each bag that count; zeros for no such row.
Tensor bag_maxima(const Tensor& rows, const Tensor& counts, const std::vector<int64_t>& limits) {
  std::vector<Tensor> maxima;
  for (size_t bag = 0; bag + 1 < limits.size(); ++bag) {
    const Tensor used = counts.slice(0, limits[bag], limits[bag + 1]).nonzero().reshape({-1});
    const Tensor bag_rows = rows.slice(0, limits[bag], limits[bag + 1]).index_select(0, used);
    maxima.push_back(used.numel() == 0 ? zeros({rows.size(1)}, rows.options())
                                       : std::get<0>(bag_rows.max(0)));
  }
  return maxima.empty() ? zeros({0, rows.size(1)}, rows.options()) : fg::stack(maxima);
}

}  // namespace

Tensor embedding_bag(const Tensor& input, const Tensor& weight,
                     const EmbeddingBagFuncOptions& options) {
  const profiler::RecordOp recorded("embedding_bag", input, weight);
  ENSURE(weight.dim() == 2, "embedding_bag: weight must have 2 dims, got shape ", weight.sizes());
  const Tensor& scales = options.per_sample_weights();
  ENSURE(!scales.defined() || options.mode() == kSum,
         "embedding_bag: per_sample_weights is supported only for mode kSum, got ",
         options.mode().name());
  ENSURE(!scales.defined() || scales.sizes() == input.sizes(),
         "embedding_bag: per_sample_weights must have input's shape ", input.sizes(), ", got ",
         scales.defined() ? scales.sizes() : IntArrayRef());
  const std::vector<int64_t> limits = bag_limits(input, options);
  const Tensor indices = input.reshape({-1});
  Tensor rows = embedding(indices, weight,
                          EmbeddingFuncOptions()
                              .padding_idx(options.padding_idx())
                              .max_norm(options.max_norm())
                              .norm_type(options.norm_type())
                              .scale_grad_by_freq(options.scale_grad_by_freq()));
  // Rows that count: all but the padding row.
  Tensor counts = ones({indices.numel()}, weight.options());
  if (options.padding_idx()) {
    const int64_t index = *options.padding_idx();
    counts = indices.ne(index < 0 ? index + weight.size(0) : index).to(weight.dtype());
  }
  if (options.mode() == kMax) return bag_maxima(rows, counts, limits);

  const int64_t num_bags = int64_t(limits.size()) - 1;
  std::vector<int64_t> bag_of_index(size_t(indices.numel()),
                                    num_bags);  // past the last offset: none
  for (int64_t bag = 0; bag < num_bags; ++bag) {
    std::fill(bag_of_index.begin() + limits[size_t(bag)],
              bag_of_index.begin() + limits[size_t(bag) + 1], bag);
  }
  const Tensor bags = tensor(bag_of_index, TensorOptions(kLong).device(weight.device()));
  const Tensor scale = scales.defined() ? counts * scales.reshape({-1}) : counts;
  auto sum_bags = [&](const Tensor& values) {
    std::vector<int64_t> sizes(values.sizes().begin(), values.sizes().end());
    sizes[0] = num_bags + 1;
    return zeros(sizes, values.options()).index_add(0, bags, values).slice(0, 0, num_bags);
  };
  const Tensor sums = sum_bags(rows * scale.unsqueeze(1));
  if (options.mode() == kSum) return sums;
  return sums / sum_bags(counts).clamp_min(1).unsqueeze(1);
}

}  // namespace fg::nn::functional
