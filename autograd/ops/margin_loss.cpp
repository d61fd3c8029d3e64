// Losses made of margins: hinges over classes, pairs and triplets.
#include "autograd/autocast_call.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/loss.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

/// [C] or [N, C] as [N, C].
Tensor as_rows(const char* op, const Tensor& input) {
  ENSURE(input.is_floating_point(), op, ": input must be floating, got ", input.dtype());
  ENSURE(input.dim() == 1 || input.dim() == 2, op, ": input must have shape [C] or [N, C], got ",
         input.sizes());
  return input.dim() == 1 ? input.unsqueeze(0) : input;
}

}  // namespace

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("soft_margin_loss", soft_margin_loss, input, target, reduction);
  const profiler::RecordOp recorded("soft_margin_loss", input, target);
  return reduce_loss(log_sigmoid(input.mul(target)).neg(), reduction);
}

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin,
                            Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("hinge_embedding_loss", hinge_embedding_loss, input, target,
                                 margin, reduction);
  const profiler::RecordOp recorded("hinge_embedding_loss", input, target);
  // A target that is neither 1 nor -1 gets both parts, as in PyTorch.
  const Tensor apart = input.neg().add(margin).relu().masked_fill(target.eq(1), 0);
  const Tensor together = input.masked_fill(target.eq(-1), 0);
  return reduce_loss(apart.add(together), reduction);
}

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("margin_ranking_loss", margin_ranking_loss, input1, input2, target,
                                 margin, reduction);
  const profiler::RecordOp recorded("margin_ranking_loss", input1, input2, target);
  const Tensor loss = target.neg().mul(input1.sub(input2)).add(margin).clamp_min(0);
  return reduce_loss(loss, reduction);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("cosine_embedding_loss", cosine_embedding_loss, input1, input2,
                                 target, margin, reduction);
  const profiler::RecordOp recorded("cosine_embedding_loss", input1, input2, target);
  ENSURE(
      target.dim() <= 1 && input1.dim() == target.dim() + 1 && input2.dim() == input1.dim(),
      "cosine_embedding_loss: inputs must be [N, D] with target [N], or [D] with target [], got ",
      input1.sizes(), ", ", input2.sizes(), " and ", target.sizes());
  constexpr double kEps = 1e-12;
  const Tensor squares = input1.square().sum(-1).add(kEps).mul(input2.square().sum(-1).add(kEps));
  const Tensor cosine = input1.mul(input2).sum(-1).div(squares.sqrt());
  const Tensor same = cosine.neg().add(1).masked_fill(target.ne(1), 0);
  const Tensor different = cosine.sub(margin).clamp_min(0).masked_fill(target.ne(-1), 0);
  return reduce_loss(same.add(different), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("triplet_margin_loss", triplet_margin_loss, anchor, positive,
                                 negative, margin, p, eps, swap, reduction);
  const profiler::RecordOp recorded("triplet_margin_loss", anchor, positive, negative);
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return pairwise_distance(a, b, p, eps);
  };
  return triplet_margin_with_distance_loss(anchor, positive, negative, distance, margin, swap,
                                           reduction);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative, const DistanceFunction& distance,
                                         double margin, bool swap, Reduction reduction) {
  const profiler::RecordOp recorded("triplet_margin_with_distance_loss", anchor, positive,
                                    negative);
  ENSURE(anchor.dim() == positive.dim() && anchor.dim() == negative.dim(),
         "triplet_margin_loss: anchor, positive and negative must have equally many dims, got ",
         anchor.dim(), ", ", positive.dim(), " and ", negative.dim());
  const auto between = [&](const Tensor& a, const Tensor& b) {
    return distance ? distance(a, b) : pairwise_distance(a, b);
  };
  const Tensor near = between(anchor, positive);
  Tensor far = between(anchor, negative);
  if (swap) far = minimum(far, between(positive, negative));
  return reduce_loss(near.sub(far).add(margin).clamp_min(0), reduction);
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p, double margin,
                         const Tensor& weight, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("multi_margin_loss", multi_margin_loss, input, target, p, margin,
                                 weight, reduction);
  const profiler::RecordOp recorded("multi_margin_loss", input, target, weight);
  const char* op = "multi_margin_loss";
  ENSURE(p == 1 || p == 2, op, ": p must be 1 or 2, got ", p);
  const Tensor x = as_rows(op, input);
  ENSURE(target.dtype() == kLong && target.numel() == x.size(0) && target.dim() < 2, op,
         ": target must be Long with one class per row of input ", input.sizes(), ", got ",
         target.dtype(), " ", target.sizes());
  ENSURE(!weight.defined() || weight.sizes().equals(x.size(1)), op, ": weight must have shape [",
         x.size(1), "] (classes), got ", weight.sizes());
  const Tensor index = target.reshape({-1, 1});
  Tensor hinge = x.sub(x.gather(1, index)).add(margin).relu();
  if (p == 2) hinge = hinge.square();
  if (weight.defined()) hinge = hinge.mul(weight.index_select(0, index.squeeze(1)).unsqueeze(1));
  const Tensor loss = hinge.scatter(1, index, 0).sum(1).div(double(x.size(1)));
  return reduce_loss(input.dim() == 1 ? loss.squeeze(0) : loss, reduction);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("multilabel_margin_loss", multilabel_margin_loss, input, target,
                                 reduction);
  const profiler::RecordOp recorded("multilabel_margin_loss", input, target);
  const char* op = "multilabel_margin_loss";
  const Tensor x = as_rows(op, input);
  ENSURE(target.dtype() == kLong && target.sizes().equals(input.sizes()), op,
         ": target must be Long of input's shape ", input.sizes(), ", got ", target.dtype(), " ",
         target.sizes());
  const int64_t samples = x.size(0), classes = x.size(1);
  const Tensor t = target.reshape({samples, classes});
  const Tensor listed = t.ge(0).to(kLong).cumprod(1);  // 1 up to the first negative entry
  const Tensor index = t.mul(listed);
  // One column more than there are classes takes the entries that are not listed.
  const Tensor slot = t.mul(listed).add(listed.neg().add(1).mul(classes));
  const Tensor is_target =
      zeros({samples, classes + 1}, x.options()).scatter_(1, slot, 1.0).narrow(1, 0, classes);
  const Tensor hinge = x.unsqueeze(1).sub(x.gather(1, index).unsqueeze(2)).add(1).relu();
  const Tensor counted = listed.to(x.dtype()).unsqueeze(2).mul(is_target.neg().add(1).unsqueeze(1));
  const Tensor loss = hinge.mul(counted).sum({1, 2}).div(double(classes));
  return reduce_loss(input.dim() == 1 ? loss.squeeze(0) : loss, reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   Reduction reduction) {
  const profiler::RecordOp recorded("multilabel_soft_margin_loss", input, target, weight);
  Tensor loss = binary_cross_entropy_with_logits(input, target, {}, {}, Reduction::None);
  if (weight.defined()) loss = loss.mul(weight);
  return reduce_loss(loss.mean(-1), reduction);
}

}  // namespace fg
