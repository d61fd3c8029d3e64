// Options of the losses. `reduction`: kMean (the default), kSum, or kNone for one value per element.
#pragma once

#include <functional>

#include "autograd/ops/loss.h"
#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

using LossReduction = OneOf<enumtype::kNone, enumtype::kMean, enumtype::kSum>;
}  // namespace fg::nn

namespace fg::enumtype {
/// The ops' enum for a choice of reduction (kBatchMean counts as kSum: the division comes after).
constexpr Reduction reduction_of(Choice choice) {
  return choice == Choice::None   ? Reduction::None
         : choice == Choice::Mean ? Reduction::Mean
                                  : Reduction::Sum;
}
template <class... Tags>
Reduction reduction_get_enum(const OneOf<Tags...>& choice) {
  return reduction_of(choice.value());
}
template <class... Tags>
Reduction reduction_get_enum(const std::variant<Tags...>& choice) {
  return std::visit([](auto tag) { return reduction_of(decltype(tag)::value); }, choice);
}
}  // namespace fg::enumtype

namespace fg::nn {

/// For losses whose only option is the reduction; converts from it.
struct ReductionOptions {
  ReductionOptions() = default;
  template <Choice C>
  requires std::is_constructible_v<LossReduction, ChoiceTag<C>> ReductionOptions(
      ChoiceTag<C> reduction)
      : reduction_(reduction) {}
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};
using L1LossOptions = ReductionOptions;
using MSELossOptions = ReductionOptions;
using MultiLabelMarginLossOptions = ReductionOptions;
using SoftMarginLossOptions = ReductionOptions;

/// kBatchMean divides the sum by the batch size, as the formula of the divergence asks.
struct KLDivLossOptions {
  using reduction_t = OneOf<enumtype::kNone, enumtype::kBatchMean, enumtype::kSum, enumtype::kMean>;
  KLDivLossOptions() = default;
  template <Choice C>
  requires std::is_constructible_v<reduction_t, ChoiceTag<C>> KLDivLossOptions(
      ChoiceTag<C> reduction)
      : reduction_(reduction) {}
  FUSEGRAD_ARG(reduction_t, reduction) = kMean;
  FUSEGRAD_ARG(bool, log_target) = false;
};

struct BCELossOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct BCEWithLogitsLossOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
  FUSEGRAD_ARG(Tensor, pos_weight);
};

struct HingeEmbeddingLossOptions {
  FUSEGRAD_ARG(double, margin) = 1.0;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct MultiMarginLossOptions {
  FUSEGRAD_ARG(int64_t, p) = 1;
  FUSEGRAD_ARG(double, margin) = 1.0;
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct CosineEmbeddingLossOptions {
  FUSEGRAD_ARG(double, margin) = 0.0;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct MultiLabelSoftMarginLossOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

/// `swap`: the negative's distance is the smaller of those to anchor and positive.
struct TripletMarginLossOptions {
  FUSEGRAD_ARG(double, margin) = 1.0;
  FUSEGRAD_ARG(double, p) = 2.0;
  FUSEGRAD_ARG(double, eps) = 1e-6;
  FUSEGRAD_ARG(bool, swap) = false;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

/// Without a distance function: pairwise_distance.
struct TripletMarginWithDistanceLossOptions {
  using distance_function_t = std::function<Tensor(const Tensor&, const Tensor&)>;
  FUSEGRAD_ARG(optional<distance_function_t>, distance_function) = nullopt;
  FUSEGRAD_ARG(double, margin) = 1.0;
  FUSEGRAD_ARG(bool, swap) = false;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct SmoothL1LossOptions {
  SmoothL1LossOptions() = default;
  template <Choice C>
  requires std::is_constructible_v<LossReduction, ChoiceTag<C>> SmoothL1LossOptions(
      ChoiceTag<C> reduction)
      : reduction_(reduction) {}
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
  FUSEGRAD_ARG(double, beta) = 1.0;
};

struct HuberLossOptions {
  HuberLossOptions() = default;
  template <Choice C>
  requires std::is_constructible_v<LossReduction, ChoiceTag<C>> HuberLossOptions(
      ChoiceTag<C> reduction)
      : reduction_(reduction) {}
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
  FUSEGRAD_ARG(double, delta) = 1.0;
};

/// `full` adds Stirling's term for the target's factorial.
struct PoissonNLLLossOptions {
  FUSEGRAD_ARG(bool, log_input) = true;
  FUSEGRAD_ARG(bool, full) = false;
  FUSEGRAD_ARG(double, eps) = 1e-8;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

/// `full` adds the constant 0.5 log(2 pi).
struct GaussianNLLLossOptions {
  FUSEGRAD_ARG(bool, full) = false;
  FUSEGRAD_ARG(double, eps) = 1e-6;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct MarginRankingLossOptions {
  FUSEGRAD_ARG(double, margin) = 0;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

/// `weight`: one per class; targets equal to `ignore_index` count nothing.
struct NLLLossOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(int64_t, ignore_index) = -100;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
};

struct CrossEntropyLossOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(int64_t, ignore_index) = -100;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
  FUSEGRAD_ARG(double, label_smoothing) = 0.0;
};

/// `blank`: the class that stands for no symbol. `zero_infinity`: losses of impossible alignments count 0.
struct CTCLossOptions {
  FUSEGRAD_ARG(int64_t, blank) = 0;
  FUSEGRAD_ARG(LossReduction, reduction) = kMean;
  FUSEGRAD_ARG(bool, zero_infinity) = false;
};

namespace functional {

using L1LossFuncOptions = L1LossOptions;
using KLDivFuncOptions = KLDivLossOptions;
using MSELossFuncOptions = MSELossOptions;
using BinaryCrossEntropyFuncOptions = BCELossOptions;
using BinaryCrossEntropyWithLogitsFuncOptions = BCEWithLogitsLossOptions;
using HingeEmbeddingLossFuncOptions = HingeEmbeddingLossOptions;
using MultiMarginLossFuncOptions = MultiMarginLossOptions;
using CosineEmbeddingLossFuncOptions = CosineEmbeddingLossOptions;
using MultilabelMarginLossFuncOptions = MultiLabelMarginLossOptions;
using SoftMarginLossFuncOptions = SoftMarginLossOptions;
using MultilabelSoftMarginLossFuncOptions = MultiLabelSoftMarginLossOptions;
using TripletMarginLossFuncOptions = TripletMarginLossOptions;
using TripletMarginWithDistanceLossFuncOptions = TripletMarginWithDistanceLossOptions;
using SmoothL1LossFuncOptions = SmoothL1LossOptions;
using HuberLossFuncOptions = HuberLossOptions;
using PoissonNLLLossFuncOptions = PoissonNLLLossOptions;
using GaussianNLLLossFuncOptions = GaussianNLLLossOptions;
using MarginRankingLossFuncOptions = MarginRankingLossOptions;
using NLLLossFuncOptions = NLLLossOptions;
using CTCLossFuncOptions = CTCLossOptions;
using CrossEntropyFuncOptions = CrossEntropyLossOptions;

}  // namespace functional
}  // namespace fg::nn
