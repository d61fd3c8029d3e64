// Random fills and draws. In place, they replace the values: earlier history gets zero gradient.
#include "tensor/kernels/random.h"

#include <cmath>
#include <numbers>

#include "autograd/node.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

// Runs draw(contiguous tensor, state) on self's elements in memory order, under the lock.
template <class Draw>
Tensor& fill_random(const Tensor& self, const char* op, const optional<Generator>& generator,
                    const Draw& draw) {
  check_inplace(self, op);
  if (needs_recording(self)) self.zero_();  // what was there gets zero gradient
  const Generator& source = generator ? *generator : default_generator(self.device());
  NoGradGuard guard;
  DimVector order;
  for (int64_t d = 0; d < self.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return self.stride(a) > self.stride(b); });
  const Tensor in_memory_order =
      self.is_contiguous() ? self.detach() : self.detach().permute(order);
  const bool direct = in_memory_order.is_contiguous();
  const Tensor target = direct ? in_memory_order : empty(in_memory_order.sizes(), self.options());
  {
    const std::lock_guard lock(source.mutex());
    draw(target, source.state());
  }
  if (!direct)
    in_memory_order.copy_(target);
  else
    finish_inplace(self, nullptr);
  return const_cast<Tensor&>(self);
}

// One row, or one per row of a matrix.
void check_weights(const Tensor& w) {
  if constexpr (kHasCuda) {
    if (w.is_cuda()) {
      const cuda::DeviceGuard guard(w.device());
      return cuda::check_weights((w.dim() == 1 ? w.unsqueeze(0) : w).contiguous());
    }
  }
  ENSURE((w.ge(0) & w.isfinite()).all().item<bool>(),
         "multinomial: weights must be finite and not negative");
  ENSURE((w.sum(-1) > 0).all().item<bool>(),
         "multinomial: each row of weights must have a positive sum");
}

}  // namespace

Tensor& TensorMethods::uniform_(double from, double to, optional<Generator> generator) const {
  const profiler::RecordOp recorded("uniform_", self());
  ENSURE(self().is_floating_point(), "uniform_: dtype must be floating, got ", self().dtype());
  ENSURE(from <= to, "uniform_: from must not exceed to, got ", from, " and ", to);
  return fill_random(self(), "uniform_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_uniform, out, from, to, state);
  });
}

Tensor& TensorMethods::normal_(double mean, double std, optional<Generator> generator) const {
  const profiler::RecordOp recorded("normal_", self());
  ENSURE(self().is_floating_point(), "normal_: dtype must be floating, got ", self().dtype());
  ENSURE(std >= 0, "normal_: std must not be negative, got ", std);
  const bool vectorized = self().numel() >= 16 && self().is_contiguous();
  return fill_random(self(), "normal_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_normal, out, mean, std, vectorized, state);
  });
}

Tensor& TensorMethods::random_(optional<Generator> generator) const {
  const profiler::RecordOp recorded("random_", self());
  return fill_random(self(), "random_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_integer_full, out, state);
  });
}
Tensor& TensorMethods::random_(int64_t to, optional<Generator> generator) const {
  return random_(0, to, generator);
}
Tensor& TensorMethods::random_(int64_t from, optional<int64_t> to,
                               optional<Generator> generator) const {
  const profiler::RecordOp recorded("random_", self());
  ENSURE(!to || from < *to, "random_: from must be below to, got ", from, " and ", to.value_or(0));
  // Without an upper end: up to and including the largest int64.
  const uint64_t end = to ? uint64_t(*to) : uint64_t{1} << 63;
  return fill_random(self(), "random_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_integer, out, from, end - uint64_t(from), state);
  });
}

Tensor& TensorMethods::bernoulli_(double p, optional<Generator> generator) const {
  const profiler::RecordOp recorded("bernoulli_", self());
  ENSURE(p >= 0 && p <= 1, "bernoulli_: p must be in [0, 1], got ", p);
  return fill_random(self(), "bernoulli_", generator,
                     [&](const Tensor& out, GeneratorState& state) {
                       ON_DEVICE(out, fill_bernoulli, out, p, state);
                     });
}
Tensor& TensorMethods::bernoulli_(const Tensor& p, optional<Generator> generator) const {
  const profiler::RecordOp recorded("bernoulli_", self(), p);
  ENSURE(p.is_floating_point(), "bernoulli_: p must have a floating dtype, got ", p.dtype());
  ENSURE(is_expandable_to(p.sizes(), self().sizes()), "bernoulli_: p of shape ", p.sizes(),
         " must be broadcastable to ", self().sizes());
  // On CUDA the kernel reports other values, and nothing waits.
  ENSURE(self().is_cuda() || ((p.detach() >= 0) & (p.detach() <= 1)).all().item<bool>(),
         "bernoulli_: p must be in [0, 1] everywhere");
  // Drawn in logical order, so that each element meets its own probability.
  const Tensor dense = p.detach().expand(self().sizes()).contiguous();
  const Tensor drawn = empty(self().sizes(), self().options());
  fill_random(drawn, "bernoulli_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_bernoulli_tensor, out, dense, state);
  });
  return self().copy_(drawn);
}
Tensor bernoulli(const Tensor& p, optional<Generator> generator) {
  const profiler::RecordOp recorded("bernoulli", p);
  const Tensor result = empty_like(p);
  NoGradGuard guard;
  return result.bernoulli_(p, generator);
}
Tensor TensorMethods::bernoulli(optional<Generator> generator) const {
  return fg::bernoulli(self(), generator);
}

Tensor bernoulli(const Tensor& x, double p, optional<Generator> generator) {
  const profiler::RecordOp recorded("bernoulli", x);
  return empty_like(x, TensorOptions().requires_grad(false)).bernoulli_(p, generator);
}
Tensor ComposedMethods::bernoulli(double p, optional<Generator> generator) const {
  return fg::bernoulli(self(), p, generator);
}

// By inversion of the distribution function, from uniform draws in double, as PyTorch draws them.
Tensor& ComposedMethods::cauchy_(double median, double sigma, optional<Generator> generator) const {
  ENSURE(self().is_floating_point(), "cauchy_: dtype must be floating, got ", self().dtype());
  ENSURE(sigma > 0, "cauchy_: sigma must be positive, got ", sigma);
  const Tensor u = empty_like(self().detach(), TensorOptions(kDouble)).uniform_(0, 1, generator);
  return self().copy_(((u - 0.5) * std::numbers::pi).tan() * sigma + median);
}
Tensor& ComposedMethods::geometric_(double p, optional<Generator> generator) const {
  ENSURE(p > 0 && p < 1, "geometric_: p must be in (0, 1), got ", p);
  const Tensor u = empty_like(self().detach(), TensorOptions(kDouble)).uniform_(0, 1, generator);
  return self().copy_((u.log() / std::log1p(-p)).ceil());
}
Tensor& ComposedMethods::log_normal_(double mean, double std, optional<Generator> generator) const {
  ENSURE(self().is_floating_point(), "log_normal_: dtype must be floating, got ", self().dtype());
  ENSURE(std > 0, "log_normal_: std must be positive, got ", std);
  const Tensor drawn = empty_like(self().detach(), TensorOptions(kDouble));
  fill_random(drawn, "log_normal_", generator, [&](const Tensor& out, GeneratorState& state) {
    ON_DEVICE(out, fill_normal, out, mean, std, /*vectorized=*/false, state);
  });
  return self().copy_(drawn.exp());
}

Tensor normal(const Tensor& mean, const Tensor& std, optional<Generator> generator) {
  const profiler::RecordOp recorded("normal", mean, std);
  NoGradGuard guard;
  ENSURE(std.is_cuda() || std.numel() == 0 || std.min().item<double>() >= 0,
         "normal: std must not be negative");
  const Tensor shape = mean + std;
  return empty_like(shape).normal_(0, 1, generator).mul_(std).add_(mean);
}
Tensor normal(const Tensor& mean, double std, optional<Generator> generator) {
  const profiler::RecordOp recorded("normal", mean);
  NoGradGuard guard;
  return empty_like(mean).normal_(0, std, generator).add_(mean);
}
Tensor normal(double mean, const Tensor& std, optional<Generator> generator) {
  return normal(full({}, mean, std.options()), std, generator);
}

Tensor& TensorMethods::exponential_(double lambda, optional<Generator> generator) const {
  const profiler::RecordOp recorded("exponential_", self());
  ENSURE(lambda > 0, "exponential_: lambda must be positive, got ", lambda);
  return fill_random(self(), "exponential_", generator,
                     [&](const Tensor& out, GeneratorState& state) {
                       ON_DEVICE(out, fill_exponential, out, lambda, state);
                     });
}

Tensor TensorMethods::multinomial(int64_t num_samples, bool replacement,
                                  optional<Generator> generator) const {
  const profiler::RecordOp recorded("multinomial", self());
  NoGradGuard guard;
  const Tensor w = self().detach();
  ENSURE(w.is_floating_point(), "multinomial: dtype must be floating, got ", w.dtype());
  ENSURE(w.dim() == 1 || w.dim() == 2, "multinomial: weights must have 1 or 2 dims, got ", w.dim());
  ENSURE(num_samples > 0, "multinomial: num_samples must be positive, got ", num_samples);
  ENSURE(replacement || num_samples <= w.size(-1), "multinomial: num_samples must be at most ",
         w.size(-1), " without replacement, got ", num_samples);
  check_weights(w);
  if (!replacement || num_samples == 1) {
    // The exponential race: the largest w / q come first.
    const Tensor q = empty_like(w).exponential_(1, generator);
    const Tensor scores = w.div(q);
    return num_samples == 1 ? scores.argmax(-1, true) : std::get<1>(scores.topk(num_samples, -1));
  }
  const Tensor rows = (w.dim() == 1 ? w.unsqueeze(0) : w).to(compute_type(w.dtype())).contiguous();
  const Tensor result = empty({rows.size(0), num_samples}, w.options().dtype(kLong));
  const Generator& source = generator ? *generator : default_generator(w.device());
  {
    const std::lock_guard lock(source.mutex());
    ON_DEVICE(w, sample_rows, result, rows, source.state());
  }
  return w.dim() == 1 ? result.select(0, 0).detach() : result;
}

Tensor randperm(int64_t n, optional<Generator> generator, const TensorOptions& options) {
  const profiler::RecordOp recorded("randperm");
  ENSURE(n >= 0, "randperm: n must not be negative, got ", n);
  const Tensor result = empty({n}, options.or_else(TensorOptions(kLong)));
  const Generator source = generator ? *generator : default_generator(options.device());
  const std::lock_guard lock(source.mutex());
  ON_DEVICE(result, fill_permutation, result, source.state());
  return result;
}
Tensor randperm(int64_t n, const TensorOptions& options) { return randperm(n, nullopt, options); }

}  // namespace fg
