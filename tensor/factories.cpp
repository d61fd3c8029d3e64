#include "tensor/factories.h"

#include <cmath>
#include <limits>

#include "tensor/kernels/fill.h"
#include "tensor/kernels/memory.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

Tensor finish(Tensor result, const TensorOptions& options) {
  if (options.requires_grad()) result.set_requires_grad(true);
  return result;
}

// `host` where `options` want it; the values are not recorded as a copy.
Tensor on_device(const Tensor& host, const TensorOptions& options) {
  if (options.device().is_cpu()) return host;
  const Tensor result = empty(host.sizes(), TensorOptions(host.dtype()).device(options.device()));
  copy_values(result, host);
  return result;
}

Storage make_storage(int64_t num_bytes, const TensorOptions& options) {
  if (!options.pinned_memory()) return make_intrusive<StorageImpl>(num_bytes, options.device());
  ENSURE(options.device().is_cpu(), "empty: only CPU memory can be pinned, got device ",
         options.device());
  if constexpr (kHasCuda)
    return make_intrusive<StorageImpl>(cuda::allocate_pinned(num_bytes), num_bytes, Device(kCPU),
                                       cuda::free_pinned);
  else
    throw Error("empty: pinned memory needs a build with the CUDA backend");
}

TensorOptions without_grad(const TensorOptions& options) { return options.requires_grad(nullopt); }

// Values of `data` as a tensor of `type`, read through Scalar so that large integers stay exact.
void write_values(const Tensor& result, const std::vector<Scalar>& values) {
  dispatch_all(result.dtype(), "tensor", [&]<class T>() {
    T* out = result.data_ptr<T>();
    for (size_t i = 0; i < values.size(); ++i) out[i] = values[i].to<T>();
  });
}

}  // namespace

double largest_value(ScalarType type) {
  if (type == kHalf) return 65504;
  if (type == kBFloat16) return 0x1.fep127;
  if (type == kLong) return 0x1.fffffffffffffp62;
  return dispatch_all(type, "largest_value",
                      []<class T>() { return double(std::numeric_limits<T>::max()); });
}

Scalar fill_value(const Scalar& value, ScalarType type, const char* op) {
  if (type == kBool) return value.toBool();
  if (type == kLong && !value.isFloatingPoint()) return value;
  const double number = value.toDouble(), high = largest_value(type);
  double low = is_floating(type) ? -high : -high - 1;
  if (type == kByte) low = value.isFloatingPoint() ? 0 : -high;
  const bool special = is_floating(type) && !std::isfinite(number);
  ENSURE(special || (number >= low && number <= high), op, ": value must fit dtype ", type,
         ", got ", value);
  return value;
}

void copy_values(const Tensor& out, const Tensor& source, bool non_blocking) {
  if constexpr (kHasCuda) {
    if (out.device() != source.device()) return cuda::copy_across(out, source, non_blocking);
    if (out.is_cuda()) {
      const cuda::DeviceGuard guard(out.device());
      return cuda::copy(out, source);
    }
  }
  cpu::copy(out, source);
}

Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options) {
  ENSURE(size.size() == stride.size(),
         "empty_strided: size and stride must have equal length, got ", size, " and ", stride);
  ENSURE(options.layout() == kStrided, "empty: layout must be Strided, got ", options.layout());
  int64_t span = 1;
  for (size_t d = 0; d < size.size(); ++d) {
    ENSURE(size[d] >= 0, "empty: sizes must not be negative, got ", size);
    ENSURE(stride[d] >= 0, "empty_strided: strides must not be negative, got ", stride);
    if (size[d] > 0) span += (size[d] - 1) * stride[d];
  }
  const ScalarType type = options.dtype();
  int64_t num_bytes = 0;
  ENSURE(!__builtin_mul_overflow(numel_of(size) == 0 ? 0 : span, element_size(type), &num_bytes),
         "empty: ", size, " of ", type, " must fit into memory");
  auto impl = make_intrusive<TensorImpl>(make_storage(num_bytes, options),
                                         DimVector(size.begin(), size.end()),
                                         DimVector(stride.begin(), stride.end()), 0, type);
  return finish(Tensor(std::move(impl)), options);
}

Tensor empty(IntArrayRef size, const TensorOptions& options) {
  const MemoryFormat format = options.memory_format_opt().value_or(MemoryFormat::Contiguous);
  const bool last = format == MemoryFormat::ChannelsLast || format == MemoryFormat::ChannelsLast3d;
  for (int64_t extent : size) ENSURE(extent >= 0, "empty: sizes must not be negative, got ", size);
  return empty_strided(size, last ? channels_last_strides(size) : contiguous_strides(size),
                       options);
}

Tensor empty_like(const Tensor& like, const TensorOptions& options) {
  const TensorOptions filled = options.or_else(like.options());
  const MemoryFormat format = options.memory_format_opt().value_or(MemoryFormat::Preserve);
  if (format == MemoryFormat::Preserve && is_non_overlapping_and_dense(like))
    return empty_strided(like.sizes(), like.strides(), filled);
  return empty(like.sizes(), filled);
}

Tensor full(IntArrayRef size, const Scalar& value, const TensorOptions& options) {
  const profiler::RecordOp recorded("full");
  const ScalarType inferred = value.isFloatingPoint() ? get_default_dtype() : value.type();
  const TensorOptions typed = options.or_else(TensorOptions(inferred));
  const Scalar stored = fill_value(value, typed.dtype(), "full");
  const Tensor result = empty(size, without_grad(typed));
  ON_DEVICE(result, fill, result, stored);
  return finish(result, options);
}

Tensor zeros(IntArrayRef size, const TensorOptions& options) {
  const profiler::RecordOp recorded("zeros");
  return full(size, 0, options.or_else(TensorOptions(get_default_dtype())));
}
Tensor ones(IntArrayRef size, const TensorOptions& options) {
  const profiler::RecordOp recorded("ones");
  return full(size, 1, options.or_else(TensorOptions(get_default_dtype())));
}

Tensor full_like(const Tensor& like, const Scalar& value, const TensorOptions& options) {
  const profiler::RecordOp recorded("full_like", like);
  const Scalar stored = fill_value(value, options.dtype_opt().value_or(like.dtype()), "full_like");
  const Tensor result = empty_like(like, without_grad(options));
  ON_DEVICE(result, fill, result, stored);
  return finish(result, options);
}
Tensor zeros_like(const Tensor& like, const TensorOptions& options) {
  const profiler::RecordOp recorded("zeros_like", like);
  return full_like(like, 0, options);
}
Tensor ones_like(const Tensor& like, const TensorOptions& options) {
  const profiler::RecordOp recorded("ones_like", like);
  return full_like(like, 1, options);
}

Tensor eye(int64_t n, const TensorOptions& options) { return eye(n, n, options); }
Tensor eye(int64_t n, int64_t m, const TensorOptions& options) {
  const profiler::RecordOp recorded("eye");
  ENSURE(n >= 0 && m >= 0, "eye: sizes must not be negative, got ", n, " and ", m);
  const Tensor result = zeros({n, m}, without_grad(options));
  result.diagonal().fill_(1);
  return finish(result, options);
}

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              const TensorOptions& options) {
  const profiler::RecordOp recorded("arange");
  const bool floating = start.isFloatingPoint() || end.isFloatingPoint() || step.isFloatingPoint();
  const TensorOptions typed =
      options.or_else(TensorOptions(floating ? get_default_dtype() : kLong));
  const double first = start.toDouble(), last = end.toDouble(), stride = step.toDouble();
  ENSURE(stride != 0, "arange: step must not be zero");
  ENSURE(std::isfinite(first) && std::isfinite(last), "arange: range must be finite, got ", first,
         " to ", last);
  ENSURE((stride > 0) == (last >= first) || last == first,
         "arange: step must point from start to end, got start ", first, ", end ", last, ", step ",
         stride);
  int64_t count = 0;
  if (floating) {
    count = int64_t(std::ceil((last - first) / stride));
  } else {
    const int64_t sign = step.toLong() > 0 ? 1 : -1;
    count = (end.toLong() - start.toLong() + step.toLong() - sign) / step.toLong();
  }
  const Tensor result = empty({count}, without_grad(typed));
  ON_DEVICE(result, arange, result, start, step);
  return finish(result, options);
}
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}
Tensor arange(const Scalar& end, const TensorOptions& options) {
  return arange(0, end, 1, options);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps,
                const TensorOptions& options) {
  const profiler::RecordOp recorded("linspace");
  ENSURE(steps >= 0, "linspace: steps must not be negative, got ", steps);
  const Tensor result = empty({steps}, without_grad(options));
  ON_DEVICE(result, linspace, result, start, end);
  return finish(result, options);
}
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base,
                const TensorOptions& options) {
  const profiler::RecordOp recorded("logspace");
  const Tensor exponents =
      linspace(start, end, steps, TensorOptions(kDouble).device(options.device()));
  return finish(exponents.mul(std::log(base)).exp().to(options.dtype()), options);
}

Tensor tensor(const detail::TensorDataContainer& data, const TensorOptions& options) {
  const Tensor host =
      empty(data.sizes(), TensorOptions(options.dtype_opt().value_or(data.default_type())));
  write_values(host, data.values());
  return finish(on_device(host, options), options);
}

Tensor scalar_tensor(const Scalar& value, const TensorOptions& options) {
  const ScalarType own = value.isFloatingPoint() ? get_default_dtype() : value.type();
  const Tensor result = empty({}, TensorOptions(options.dtype_opt().value_or(own)));
  write_values(result, {value});
  return finish(on_device(result, options), options);
}

Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 std::function<void(void*)> deleter, const TensorOptions& options) {
  ENSURE(sizes.size() == strides.size(),
         "from_blob: sizes and strides must have equal length, got ", sizes, " and ", strides);
  int64_t span = numel_of(sizes) == 0 ? 0 : 1;
  for (size_t d = 0; d < sizes.size() && span; ++d) span += (sizes[d] - 1) * strides[d];
  auto storage = make_intrusive<StorageImpl>(data, span * element_size(options.dtype()),
                                             options.device(), std::move(deleter));
  auto impl =
      make_intrusive<TensorImpl>(std::move(storage), DimVector(sizes.begin(), sizes.end()),
                                 DimVector(strides.begin(), strides.end()), 0, options.dtype());
  return finish(Tensor(std::move(impl)), options);
}
Tensor from_blob(void* data, IntArrayRef sizes, std::function<void(void*)> deleter,
                 const TensorOptions& options) {
  return from_blob(data, sizes, contiguous_strides(sizes), std::move(deleter), options);
}
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, const TensorOptions& options) {
  return from_blob(
      data, sizes, strides, [](void*) {}, options);
}
Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options) {
  return from_blob(
      data, sizes, [](void*) {}, options);
}

Tensor rand(IntArrayRef size, optional<Generator> generator, const TensorOptions& options) {
  const profiler::RecordOp recorded("rand");
  return finish(empty(size, without_grad(options)).uniform_(0, 1, generator), options);
}
Tensor rand(IntArrayRef size, const TensorOptions& options) { return rand(size, nullopt, options); }
Tensor randn(IntArrayRef size, optional<Generator> generator, const TensorOptions& options) {
  const profiler::RecordOp recorded("randn");
  return normal(0, 1, size, generator, options);
}
Tensor randn(IntArrayRef size, const TensorOptions& options) {
  return randn(size, nullopt, options);
}
Tensor randint(int64_t low, int64_t high, IntArrayRef size, optional<Generator> generator,
               const TensorOptions& options) {
  const profiler::RecordOp recorded("randint");
  return finish(empty(size, without_grad(options)).random_(low, high, generator), options);
}
Tensor randint(int64_t high, IntArrayRef size, optional<Generator> generator,
               const TensorOptions& options) {
  return randint(0, high, size, generator, options);
}
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(low, high, size, nullopt, options);
}
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(0, high, size, options);
}
Tensor rand_like(const Tensor& like, const TensorOptions& options) {
  const profiler::RecordOp recorded("rand_like", like);
  return finish(empty_like(like, without_grad(options)).uniform_(), options);
}
Tensor randn_like(const Tensor& like, const TensorOptions& options) {
  const profiler::RecordOp recorded("randn_like", like);
  return finish(empty_like(like, without_grad(options)).normal_(), options);
}
Tensor normal(double mean, double std, IntArrayRef size, optional<Generator> generator,
              const TensorOptions& options) {
  return finish(empty(size, without_grad(options)).normal_(mean, std, generator), options);
}
Tensor normal(double mean, double std, IntArrayRef size, const TensorOptions& options) {
  return normal(mean, std, size, nullopt, options);
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step,
             const TensorOptions& options) {
  const profiler::RecordOp recorded("range");
  const double first = start.toDouble(), last = end.toDouble(), by = step.toDouble();
  ENSURE(by != 0 && (last - first) / by >= 0, "range: step must lead from start to end, got ",
         step);
  const auto count = int64_t((last - first) / by) + 1;
  return arange(count, options.or_else(get_default_dtype())).mul_(step).add_(start);
}
Tensor randint_like(const Tensor& like, int64_t high, const TensorOptions& options) {
  return randint_like(like, 0, high, options);
}
Tensor randint_like(const Tensor& like, int64_t low, int64_t high, const TensorOptions& options) {
  return randint(low, high, like.sizes(), options.or_else(like.options()));
}

}  // namespace fg
