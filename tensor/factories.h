// Tensors made from nothing: filled, ranged, from C++ values or from foreign memory. Random
// factories draw from the default generator. All take PyTorch's arguments and defaults; `options`
// gives dtype (default: the default dtype unless said otherwise), device and requires_grad.
#pragma once

#include "tensor/tensor.h"
#include "tensor/tensor_data.h"

namespace fg {

/// Uninitialised.
Tensor empty(IntArrayRef size, const TensorOptions& options = {});
Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options = {});
Tensor zeros(IntArrayRef size, const TensorOptions& options = {});
Tensor ones(IntArrayRef size, const TensorOptions& options = {});
/// Without a dtype the result has the value's: default dtype, Long or Bool.
Tensor full(IntArrayRef size, const Scalar& value, const TensorOptions& options = {});
Tensor eye(int64_t n, const TensorOptions& options = {});
Tensor eye(int64_t n, int64_t m, const TensorOptions& options = {});

/// [start, end) by `step`; Long if every argument is an integer.
Tensor arange(const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              const TensorOptions& options = {});
/// start, start + step, ... up to and including end, of the default dtype.
Tensor range(const Scalar& start, const Scalar& end, const Scalar& step = 1,
             const TensorOptions& options = {});
inline Tensor range(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return range(start, end, 1, options);
}
/// `steps` evenly spaced values, both ends included.
Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps,
                const TensorOptions& options = {});
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10,
                const TensorOptions& options = {});

Tensor empty_like(const Tensor& like, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& like, const TensorOptions& options = {});
Tensor ones_like(const Tensor& like, const TensorOptions& options = {});
Tensor full_like(const Tensor& like, const Scalar& value, const TensorOptions& options = {});

// The same in a memory format, as libtorch's last argument.
inline Tensor empty(IntArrayRef size, const TensorOptions& options, optional<MemoryFormat> format) {
  return empty(size, options.memory_format(format));
}
#define X(name)                                                        \
  inline Tensor name(const Tensor& like, const TensorOptions& options, \
                     optional<MemoryFormat> format) {                  \
    return name(like, options.memory_format(format));                  \
  }
X(empty_like)
X(zeros_like)
X(ones_like)
#undef X
inline Tensor full_like(const Tensor& like, const Scalar& value, const TensorOptions& options,
                        optional<MemoryFormat> format) {
  return full_like(like, value, options.memory_format(format));
}

/// From C++ values: `tensor(3.5)`, `tensor({1, 2})`, `tensor({{1.f, 2.f}, {3.f, 4.f}})`. Integers
/// give Long, floating values the default dtype, bools Bool.
Tensor tensor(const detail::TensorDataContainer& data, const TensorOptions& options = {});
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(const std::vector<T>& values,
                                               const TensorOptions& options = {}) {
  return tensor(detail::TensorDataContainer(values), options);
}
/// A 0-dim tensor with the scalar's own dtype unless options say otherwise.
Tensor scalar_tensor(const Scalar& value, const TensorOptions& options = {});
/// Wraps memory that the caller keeps alive (or that `deleter` frees).
Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, std::function<void(void*)> deleter,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 std::function<void(void*)> deleter, const TensorOptions& options = {});

/// Uniform on [0, 1).
Tensor rand(IntArrayRef size, const TensorOptions& options = {});
/// Standard normal.
Tensor randn(IntArrayRef size, const TensorOptions& options = {});
/// Integers of [low, high), default dtype Long.
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options = kLong);
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options = kLong);
/// A random permutation of 0..n-1, Long.
Tensor randperm(int64_t n, const TensorOptions& options = kLong);
Tensor randperm(int64_t n, optional<Generator> generator, const TensorOptions& options = kLong);
Tensor rand_like(const Tensor& like, const TensorOptions& options = {});
Tensor randn_like(const Tensor& like, const TensorOptions& options = {});
Tensor randint_like(const Tensor& like, int64_t high, const TensorOptions& options = {});
Tensor randint_like(const Tensor& like, int64_t low, int64_t high,
                    const TensorOptions& options = {});
Tensor normal(double mean, double std, IntArrayRef size, const TensorOptions& options = {});
/// With each element's own mean or standard deviation; both broadcast.
Tensor normal(const Tensor& mean, double std = 1, optional<Generator> generator = nullopt);
Tensor normal(double mean, const Tensor& std, optional<Generator> generator = nullopt);
Tensor normal(const Tensor& mean, const Tensor& std, optional<Generator> generator = nullopt);
Tensor bernoulli(const Tensor& p, optional<Generator> generator = nullopt);
/// Ones with probability p, zeros else, in x's shape and dtype.
Tensor bernoulli(const Tensor& x, double p, optional<Generator> generator = nullopt);
// The same from a generator.
Tensor rand(IntArrayRef size, optional<Generator> generator, const TensorOptions& options = {});
Tensor randn(IntArrayRef size, optional<Generator> generator, const TensorOptions& options = {});
Tensor randint(int64_t high, IntArrayRef size, optional<Generator> generator,
               const TensorOptions& options = kLong);
Tensor randint(int64_t low, int64_t high, IntArrayRef size, optional<Generator> generator,
               const TensorOptions& options = kLong);
Tensor normal(double mean, double std, IntArrayRef size, optional<Generator> generator,
              const TensorOptions& options = {});

}  // namespace fg
