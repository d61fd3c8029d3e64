#include "nn/functional/loss.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/loss.h"
#include "tensor/warning.h"

namespace fg::nn::functional {
namespace {

/// Broadcasting is legal here, and almost never what was meant.
void warn_of_broadcast(const char* function, const Tensor& input, const Tensor& target) {
  if (input.sizes() == target.sizes()) return;
  Warning::warn({function, __FILE__, __LINE__},
                str("Using a target size (", target.sizes(),
                    ") that is different to the input size (", input.sizes(),
                    "). This will likely lead to incorrect results due to broadcasting. Please ",
                    "ensure they have the same size."));
}

}  // namespace

Tensor l1_loss(const Tensor& input, const Tensor& target, const L1LossFuncOptions& options) {
  return fg::l1_loss(input, target, enumtype::reduction_get_enum(options.reduction()));
}

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options) {
  warn_of_broadcast("mse_loss", input, target);
  return fg::mse_loss(input, target, enumtype::reduction_get_enum(options.reduction()));
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      const SmoothL1LossFuncOptions& options) {
  warn_of_broadcast("smooth_l1_loss", input, target);
  return fg::smooth_l1_loss(input, target, enumtype::reduction_get_enum(options.reduction()),
                            options.beta());
}

Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossFuncOptions& options) {
  warn_of_broadcast("huber_loss", input, target);
  return fg::huber_loss(input, target, enumtype::reduction_get_enum(options.reduction()),
                        options.delta());
}

Tensor kl_div(const Tensor& input, const Tensor& target, const KLDivFuncOptions& options) {
  if (options.reduction() == kBatchMean) {
    const Tensor sum = fg::kl_div(input, target, Reduction::Sum, options.log_target());
    return input.dim() == 0 ? sum : sum.div(input.size(0));
  }
  return fg::kl_div(input, target, enumtype::reduction_get_enum(options.reduction()),
                    options.log_target());
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BinaryCrossEntropyFuncOptions& options) {
  return fg::binary_cross_entropy(input, target, options.weight(),
                                  enumtype::reduction_get_enum(options.reduction()));
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsFuncOptions& options) {
  return fg::binary_cross_entropy_with_logits(input, target, options.weight(), options.pos_weight(),
                                              enumtype::reduction_get_enum(options.reduction()));
}

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target,
                            const HingeEmbeddingLossFuncOptions& options) {
  return fg::hinge_embedding_loss(input, target, options.margin(),
                                  enumtype::reduction_get_enum(options.reduction()));
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target,
                        const SoftMarginLossFuncOptions& options) {
  return fg::soft_margin_loss(input, target, enumtype::reduction_get_enum(options.reduction()));
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target,
                        const PoissonNLLLossFuncOptions& options) {
  return fg::poisson_nll_loss(input, target, options.log_input(), options.full(), options.eps(),
                              enumtype::reduction_get_enum(options.reduction()));
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNLLLossOptions& options) {
  return fg::gaussian_nll_loss(input, target, var, options.full(), options.eps(),
                               enumtype::reduction_get_enum(options.reduction()));
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options) {
  return fg::nll_loss(input, target, options.weight(),
                      enumtype::reduction_get_enum(options.reduction()), options.ignore_index());
}

Tensor cross_entropy(const Tensor& input, const Tensor& target,
                     const CrossEntropyFuncOptions& options) {
  return fg::cross_entropy(input, target, options.weight(),
                           enumtype::reduction_get_enum(options.reduction()),
                           options.ignore_index(), options.label_smoothing());
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target,
                         const MultiMarginLossFuncOptions& options) {
  return fg::multi_margin_loss(input, target, options.p(), options.margin(), options.weight(),
                               enumtype::reduction_get_enum(options.reduction()));
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target,
                              const MultilabelMarginLossFuncOptions& options) {
  return fg::multilabel_margin_loss(input, target,
                                    enumtype::reduction_get_enum(options.reduction()));
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const MultilabelSoftMarginLossFuncOptions& options) {
  return fg::multilabel_soft_margin_loss(input, target, options.weight(),
                                         enumtype::reduction_get_enum(options.reduction()));
}

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CTCLossFuncOptions& options) {
  auto lengths = [](const Tensor& given) {
    const Tensor values = given.to(kCPU, kLong).contiguous();
    return std::vector<int64_t>(values.data_ptr<int64_t>(),
                                values.data_ptr<int64_t>() + values.numel());
  };
  return fg::ctc_loss(log_probs, targets, lengths(input_lengths), lengths(target_lengths),
                      options.blank(), enumtype::reduction_get_enum(options.reduction()),
                      options.zero_infinity());
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             const CosineEmbeddingLossFuncOptions& options) {
  return fg::cosine_embedding_loss(input1, input2, target, options.margin(),
                                   enumtype::reduction_get_enum(options.reduction()));
}

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           const MarginRankingLossFuncOptions& options) {
  return fg::margin_ranking_loss(input1, input2, target, options.margin(),
                                 enumtype::reduction_get_enum(options.reduction()));
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginLossFuncOptions& options) {
  return fg::triplet_margin_loss(anchor, positive, negative, options.margin(), options.p(),
                                 options.eps(), options.swap(),
                                 enumtype::reduction_get_enum(options.reduction()));
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const TripletMarginWithDistanceLossFuncOptions& options) {
  return fg::triplet_margin_with_distance_loss(
      anchor, positive, negative, options.distance_function().value_or(nullptr), options.margin(),
      options.swap(), enumtype::reduction_get_enum(options.reduction()));
}

}  // namespace fg::nn::functional
