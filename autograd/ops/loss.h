// Losses with PyTorch's names, defaults and numerics. Unless said otherwise `input` and `target` are
// floating, broadcast against each other and promote; every loss is differentiable in every floating
// argument; Reduction::None gives one loss per element, Mean their mean, Sum their sum.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// What happens to the elements of a loss: kept, averaged or summed.
enum class Reduction : int8_t { None, Mean, Sum };

/// The reduced form of `loss`.
Tensor reduce_loss(const Tensor& loss, Reduction reduction);

// Regression.

/// (input - target)^2.
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean);
/// |input - target|.
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean);
/// With d = |input - target|: d^2 / (2 beta) below beta >= 0, d - beta / 2 from there on.
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      Reduction reduction = Reduction::Mean, double beta = 1);
/// With d = |input - target|: d^2 / 2 up to delta > 0, delta * (d - delta / 2) beyond.
Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
                  double delta = 1);
/// exp(input) - target * input if `log_input`, else input - target * log(input + eps); `full` adds
/// Stirling's approximation of log(target!) where target > 1.
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input = true,
                        bool full = false, double eps = 1e-8,
                        Reduction reduction = Reduction::Mean);
/// (log(var) + (input - target)^2 / var) / 2, with var raised to eps (whose gradient ignores that).
/// `var` has input's shape, or that without its last extent, or with 1 there; `full` adds log(2 pi) / 2.
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         bool full = false, double eps = 1e-6,
                         Reduction reduction = Reduction::Mean);
/// target * (log(target) - input), 0 where target = 0; exp(target) * (target - input) if `log_target`.
/// Mean divides by all elements, not by the batch.
Tensor kl_div(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
              bool log_target = false);

// Two classes.

/// -(target * log(input) + (1 - target) * log(1 - input)) * weight, logarithms not below -100. `target`
/// has input's shape, `weight` broadcasts to it; input lies in [0, 1].
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                            Reduction reduction = Reduction::Mean);
/// binary_cross_entropy(sigmoid(input), target), stable; `pos_weight` multiplies the part of target = 1.
/// `target` has input's shape, `weight` and `pos_weight` broadcast to it.
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const Tensor& weight = {}, const Tensor& pos_weight = {},
                                        Reduction reduction = Reduction::Mean);
/// log(1 + exp(-target * input)) for target 1 or -1.
Tensor soft_margin_loss(const Tensor& input, const Tensor& target,
                        Reduction reduction = Reduction::Mean);
/// input where target is 1, max(0, margin - input) where it is -1.
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1,
                            Reduction reduction = Reduction::Mean);

// Many classes: input [C] or [N, C] or [N, C, d1, ...], target without the C, Long.

/// -weight[target] * input[target], input being log-probabilities; 0 where target = ignore_index. Mean
/// divides by the weights in use. `weight` [C] or undefined, no gradient. IndexError on a target
/// that is neither in [0, C) nor ignore_index.
Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                Reduction reduction = Reduction::Mean, int64_t ignore_index = -100);
/// nll_loss(log_softmax(input), target) in one step. Or `target` floating and of input's shape:
/// probabilities. `label_smoothing` in [0, 1] mixes the target with the uniform distribution.
Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                     Reduction reduction = Reduction::Mean, int64_t ignore_index = -100,
                     double label_smoothing = 0);
/// sum over classes j != target of max(0, margin - input[target] + input[j])^p / C, times
/// weight[target]; p is 1 or 2; input [C] or [N, C].
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p = 1,
                         double margin = 1, const Tensor& weight = {},
                         Reduction reduction = Reduction::Mean);
/// sum of max(0, 1 - (input[y] - input[j])) / C over targets y and other classes j. Each row of
/// `target`, of input's shape [C] or [N, C], lists classes up to its first negative entry.
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target,
                              Reduction reduction = Reduction::Mean);
/// Mean over the last dim of binary_cross_entropy_with_logits; `weight` broadcasts.
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const Tensor& weight = {},
                                   Reduction reduction = Reduction::Mean);

// Sequences.

/// Connectionist temporal classification (Graves et al., 2006): -log of the probability of all
/// alignments of each target with its input. `log_probs` [T, N, C] or [T, C]; `targets` Long [N, S]
/// (padded) or their concatenation; lengths per sample, each input length at most T. Infinite (0 if
/// `zero_infinity`) where no alignment exists, with zero gradient. Mean divides each loss by its target's
/// length, then averages over samples.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, IntArrayRef input_lengths,
                IntArrayRef target_lengths, int64_t blank = 0,
                Reduction reduction = Reduction::Mean, bool zero_infinity = false);

// Pairs and triplets of embeddings.

/// max(0, -target * (input1 - input2) + margin), target 1 or -1.
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin = 0, Reduction reduction = Reduction::Mean);
/// 1 - cos where target is 1, max(0, cos - margin) where it is -1; inputs [N, D] or [D], target [N] or [].
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin = 0, Reduction reduction = Reduction::Mean);
/// max(0, d(anchor, positive) - d(anchor, negative) + margin) with pairwise_distance(p, eps); `swap` takes
/// d(positive, negative) where that is less than d(anchor, negative).
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin = 1, double p = 2, double eps = 1e-6, bool swap = false,
                           Reduction reduction = Reduction::Mean);
using DistanceFunction = std::function<Tensor(const Tensor&, const Tensor&)>;
/// triplet_margin_loss under any distance (pairwise_distance if empty).
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const DistanceFunction& distance = {}, double margin = 1,
                                         bool swap = false, Reduction reduction = Reduction::Mean);

}  // namespace fg
