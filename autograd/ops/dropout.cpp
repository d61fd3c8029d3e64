#include "autograd/ops/dropout.h"

#include <cmath>

#include "autograd/ops/linear_map.h"
#include "tensor/factories.h"
#include "tensor/kernels/random.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

/// What one dropout multiplies by and then adds; `shift` may be undefined, and `scale` too: identity.
struct Noise {
  Tensor scale, shift;
};

struct Kind {
  const char* op;
  bool features, alpha;
};

Noise draw(const Kind& kind, const Tensor& input, double p, bool train) {
  ENSURE(p >= 0 && p <= 1, kind.op, ": p must be in [0, 1], got ", p);
  ENSURE(!kind.features || input.dim() >= 2, kind.op, ": input must have shape [N, C, ...], got ",
         input.sizes());
  if (!train || p == 0 || input.numel() == 0) return {};
  ENSURE(input.is_floating_point(), kind.op, ": input must be floating in training, got ",
         input.dtype());
  NoGradGuard no_grad;
  if (p == 1) return {zeros({}, input.options()), {}};
  std::vector<int64_t> sizes = input.sizes();
  if (kind.features) std::fill(sizes.begin() + 2, sizes.end(), 1);
  const Tensor noise = (kind.features ? empty(sizes, input.options()) : empty_like(input));
  noise.bernoulli_(1 - p);
  if (!kind.alpha) return {noise.div_(1 - p), {}};
  constexpr double kAlpha = 1.7580993408473766;  // SELU's alpha times its scale
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor shift = noise.sub(1).mul_(kAlpha * a).add_(kAlpha * a * p);
  return {noise.mul_(a), shift};
}

/// CUDA's dropout of single elements: one kernel each way, one node, no mask kept.
struct FusedDropout {
  static constexpr const char* kName = "DropoutBackward";
  double p = 0;
  PhiloxDraw draw{};

  Tensor forward(const Tensor& x) const {
    const Tensor dense = x.detach().contiguous(), y = empty(x.sizes(), x.options());
    if constexpr (kHasCuda) {
      const cuda::DeviceGuard guard(x.device());
      cuda::dropout(y, dense, p, draw);
    }
    return y;
  }
  Tensor adjoint(const Tensor& y) const { return forward(y); }
};

Tensor fused_dropout(const Tensor& input, double p) {
  FusedDropout map{p};
  if constexpr (kHasCuda) {
    Generator& generator = default_generator(input.device());
    const std::lock_guard lock(generator.mutex());
    map.draw = cuda::draw_dropout(input.numel(), generator.state());
  }
  return detail::apply_linear_map(map, input);
}

Tensor apply(const Kind& kind, const Tensor& input, double p, bool train) {
  const profiler::RecordOp recorded(kind.op, input);
  const bool plain = !kind.features && !kind.alpha;
  if (input.is_cuda() && plain && train && p > 0 && p < 1 && input.numel() > 0 &&
      input.is_floating_point())
    return fused_dropout(input, p);
  const auto [scale, shift] = draw(kind, input, p, train);
  if (!scale.defined()) return input;
  const Tensor y = input.mul(scale);
  return shift.defined() ? y.add(shift) : y;
}

Tensor apply_(const Kind& kind, const Tensor& input, double p, bool train) {
  const auto [scale, shift] = draw(kind, input, p, train);
  if (scale.defined()) input.mul_(scale);
  if (shift.defined()) input.add_(shift);
  return input;
}

constexpr Kind kDropout{"dropout", false, false};
constexpr Kind kFeatureDropout{"feature_dropout", true, false};
constexpr Kind kAlphaDropout{"alpha_dropout", false, true};
constexpr Kind kFeatureAlphaDropout{"feature_alpha_dropout", true, true};

}  // namespace

Tensor dropout(const Tensor& input, double p, bool train) {
  return apply(kDropout, input, p, train);
}
Tensor dropout_(const Tensor& input, double p, bool train) {
  const profiler::RecordOp recorded("dropout_", input);
  return apply_(kDropout, input, p, train);
}
Tensor feature_dropout(const Tensor& input, double p, bool train) {
  return apply(kFeatureDropout, input, p, train);
}
Tensor feature_dropout_(const Tensor& input, double p, bool train) {
  const profiler::RecordOp recorded("feature_dropout_", input);
  return apply_(kFeatureDropout, input, p, train);
}
Tensor alpha_dropout(const Tensor& input, double p, bool train) {
  return apply(kAlphaDropout, input, p, train);
}
Tensor alpha_dropout_(const Tensor& input, double p, bool train) {
  const profiler::RecordOp recorded("alpha_dropout_", input);
  return apply_(kAlphaDropout, input, p, train);
}
Tensor feature_alpha_dropout(const Tensor& input, double p, bool train) {
  return apply(kFeatureAlphaDropout, input, p, train);
}
Tensor feature_alpha_dropout_(const Tensor& input, double p, bool train) {
  const profiler::RecordOp recorded("feature_alpha_dropout_", input);
  return apply_(kFeatureAlphaDropout, input, p, train);
}

}  // namespace fg
