#include "autograd/fused/bias_dropout_residual.h"

#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/fused/registry.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/kernels/dropout_residual.h"
#include "tensor/kernels/random.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

constexpr const char* kOp = "bias_dropout_residual";

/// What multiplies each element: as a draw on CUDA, else as a tensor. Undefined: 1.
struct Keep {
  double p = 0;
  PhiloxDraw draw{};
  bool is_drawn = false;

  /// x * keep by the GPU's kernel.
  Tensor dropped(const Tensor& x) const {
    const Tensor dense = x.detach().contiguous(), y = empty(x.sizes(), x.options());
    if constexpr (kHasCuda) {
      const cuda::DeviceGuard guard(x.device());
      cuda::dropout(y, dense, p, draw);
    }
    return y;
  }
};

/// Linear in all three: the gradients are keep * g, its sums and g.
struct BiasDropoutResidualBackward : Node {
  Keep keep;
  Saved mask{this};
  DimVector sizes;

  std::string name() const override { return "BiasDropoutResidualBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& g = grads[0];
    std::vector<Tensor> result(3);
    if (needs(2)) result[2] = g;
    if (!needs(0) && !needs(1)) return result;
    const Tensor dropped = kept(g);
    if (needs(0)) result[0] = dropped;
    if (needs(1)) result[1] = dropped.sum(0);
    return result;
  }

 private:
  Tensor kept(const Tensor& g) const {
    if (mask.defined()) return g.mul(mask.unpack());
    if (!keep.is_drawn) return g;
    if (!GradMode::is_enabled()) return keep.dropped(g);
    NoGradGuard guard;
    const Tensor factor = keep.dropped(ones(sizes, g.options()));
    const AutoGradMode recorded(true);
    return g.mul(factor);
  }
};

void check(const Tensor& x, const Tensor& bias, const Tensor& residual, double p) {
  ENSURE(x.dim() == 2 && x.is_floating_point(), kOp,
         ": x must be floating of shape [n, features], got ", x.dtype(), " of shape ", x.sizes());
  ENSURE(residual.sizes() == x.sizes(), kOp, ": residual must have x's shape ", x.sizes(), ", got ",
         residual.sizes());
  ENSURE(!bias.defined() || bias.sizes() == IntArrayRef({x.size(1)}), kOp,
         ": bias must have shape [", x.size(1), "] (features), got ",
         bias.defined() ? bias.sizes() : IntArrayRef());
  for (const Tensor* t : {&bias, &residual})
    ENSURE(!t->defined() || (t->dtype() == x.dtype() && t->device() == x.device()), kOp,
           ": bias and residual must be ", x.dtype(), " on ", x.device(), " (as x), got ",
           t->dtype(), " on ", t->device());
  ENSURE(p >= 0 && p <= 1, kOp, ": p must be in [0, 1], got ", p);
}

}  // namespace

Tensor bias_dropout_residual(const Tensor& x, const Tensor& bias, const Tensor& residual, double p,
                             bool train) {
  if (detail::is_autocast())
    return detail::autocast_call("bias_dropout_residual", bias_dropout_residual, x, bias, residual,
                                 p, train);
  const profiler::RecordOp recorded("bias_dropout_residual", x, bias, residual);
  check(x, bias, residual, p);
  if (ComposedGuard::is_active())
    return dropout(bias.defined() ? x.add(bias) : x, p, train).add(residual);
  auto node = make_node<BiasDropoutResidualBackward>(x, bias, residual);
  const bool drops = train && p > 0 && x.numel() > 0;
  Keep keep{drops ? p : 0.0};
  Tensor y, mask;
  {
    NoGradGuard guard;
    if (x.is_cuda() && drops && p < 1) {
      if constexpr (kHasCuda) {
        const cuda::DeviceGuard device_guard(x.device());
        Generator& generator = default_generator(x.device());
        {
          const std::lock_guard lock(generator.mutex());
          keep.draw = cuda::draw_dropout(x.numel(), generator.state());
        }
        keep.is_drawn = true;
        y = empty(x.sizes(), x.options());
        cuda::bias_dropout_residual(y, x.detach().contiguous(),
                                    bias.defined() ? bias.detach().contiguous() : bias,
                                    residual.detach().contiguous(), p, keep.draw);
      }
    } else {
      y = bias.defined() ? x.add(bias) : x.clone();
      if (drops) {
        // dropout's own mask: ones come back as 1 / (1 - p) or 0.
        mask = dropout(ones(x.sizes(), x.options()), p, true);
        y.mul_(mask);
      }
      y.add_(residual);
    }
  }
  if (node) {
    node->keep = keep;
    node->mask.save(mask);
    node->sizes = DimVector(x.sizes().begin(), x.sizes().end());
    node->attach(y);
  }
  return y;
}

void register_bias_dropout_residual() {
  const auto sample = [](IntArrayRef sizes) {
    return randn(sizes, dtype(kDouble).requires_grad(true));
  };
  register_fused_op({kOp,
                     "BiasDropoutResidualBackward",
                     [](const autograd::variable_list& in) {
                       manual_seed(11);  // so that all forms drop the same elements
                       return bias_dropout_residual(in[0], in[1], in[2], 0.3);
                     },
                     {},
                     [sample] {
                       return std::vector<autograd::variable_list>{
                           {sample({5, 7}), sample({7}), sample({5, 7})},
                           {sample({3, 4}), Tensor(), sample({3, 4})}};
                     },
                     true});
}

}  // namespace fg
