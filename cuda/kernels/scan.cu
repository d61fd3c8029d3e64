// The ops that scan.cuh runs.

#include <limits>

#include "cuda/kernels/scan.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/scan.h"

namespace fg::cuda {
namespace {

/// What sums and products of T are kept in.
template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;

template <class T>
struct Values {
  T* out;
  const T* x;

  template <class W>
  __device__ void put(int64_t offset, W value) const {
    if constexpr (std::is_arithmetic_v<T>)
      out[offset] = T(value);
    else
      out[offset] = T(float(value));
  }
};

template <class T>
struct SumScan : Values<T> {
  using State = Wide<T>;
  static __device__ State identity() { return 0; }
  static __device__ State combine(State earlier, State later) { return earlier + later; }
  __device__ State load(int64_t offset, int64_t) const { return State(this->x[offset]); }
  __device__ void store(int64_t offset, State sum) const { this->put(offset, sum); }
};

template <class T>
struct ProductScan : Values<T> {
  using State = Wide<T>;
  static __device__ State identity() { return 1; }
  static __device__ State combine(State earlier, State later) { return earlier * later; }
  __device__ State load(int64_t offset, int64_t) const { return State(this->x[offset]); }
  __device__ void store(int64_t offset, State product) const { this->put(offset, product); }
};

template <class T>
struct LogSumExpScan : Values<T> {
  using State = double;
  static __device__ State identity() { return -std::numeric_limits<double>::infinity(); }
  static __device__ State combine(State earlier, State later) {
    return log_add_exp(earlier, later);
  }
  __device__ State load(int64_t offset, int64_t) const { return State(this->x[offset]); }
  __device__ void store(int64_t offset, State sum) const { this->put(offset, sum); }
};

/// The map h -> factor * h + term. Products of factors that no double holds are out of its reach, where a walk
/// from element to element may still meet an h of 0.
template <class T>
struct RecurrenceScan : Values<T> {
  struct State {
    double factor, term;
  };
  const T* factors;
  int64_t factor_at;  // where an element's factor lies, from the element

  static __device__ State identity() { return {1, 0}; }
  static __device__ State combine(const State& earlier, const State& later) {
    return {earlier.factor * later.factor, later.factor * earlier.term + later.term};
  }
  __device__ State load(int64_t offset, int64_t i) const {
    return {i == 0 ? 0.0 : double(factors[offset + factor_at]), double(this->x[offset])};
  }
  __device__ void store(int64_t offset, const State& state) const { this->put(offset, state.term); }
};

/// The extreme so far and where it stands; -1: nothing yet.
template <class T, bool kLargest>
struct ExtremeScan {
  struct State {
    T value;
    int64_t at;
  };
  int64_t* indices;
  const T* x;

  static __device__ State identity() { return {T(), -1}; }
  static __device__ State combine(const State& earlier, const State& later) {
    if (later.at < 0) return earlier;
    if (earlier.at < 0) return later;
    using C = std::conditional_t<std::is_integral_v<T>, T, Compute<T>>;
    const C a = C(earlier.value), b = C(later.value);
    const bool beats = kLargest ? b >= a : b <= a;
    return beats || b != b ? later : earlier;  // nothing beats a NaN but another
  }
  __device__ State load(int64_t offset, int64_t i) const { return {x[offset], i}; }
  __device__ void store(int64_t offset, const State& state) const { indices[offset] = state.at; }
};

/// dispatch_floating and int64.
template <class Body>
void dispatch_scanned(ScalarType type, const char* op, Body&& body) {
  if (type == kLong) return body.template operator()<int64_t>();
  dispatch_floating(type, op, body);
}

template <class T>
Values<T> values_of(const Tensor& out, const Tensor& x) {
  return {out.data_ptr<T>(), x.data_ptr<T>()};
}

}  // namespace

void cumsum(const Tensor& out, const Tensor& x, int64_t dim, bool reverse) {
  dispatch_scanned(x.dtype(), "cumsum",
                   [&]<class T>() { run_scan(SumScan<T>{values_of<T>(out, x)}, x, dim, reverse); });
}

void cumprod(const Tensor& out, const Tensor& x, int64_t dim) {
  dispatch_scanned(x.dtype(), "cumprod", [&]<class T>() {
    run_scan(ProductScan<T>{values_of<T>(out, x)}, x, dim, false);
  });
}

void logcumsumexp(const Tensor& out, const Tensor& x, int64_t dim) {
  dispatch_floating(x.dtype(), "logcumsumexp", [&]<class T>() {
    run_scan(LogSumExpScan<T>{values_of<T>(out, x)}, x, dim, false);
  });
}

void linear_recurrence(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim,
                       bool reverse) {
  const int64_t factor_at = reverse ? ScanLines(out, dim, true).stride : 0;
  dispatch_floating(a.dtype(), "linear_recurrence", [&]<class T>() {
    run_scan(RecurrenceScan<T>{values_of<T>(out, b), a.data_ptr<T>(), factor_at}, out, dim,
             reverse);
  });
}

void cumulative_extreme(const Tensor& indices, const Tensor& x, int64_t dim, bool largest) {
  dispatch_scanned(x.dtype(), "cumulative_extreme", [&]<class T>() {
    int64_t* const out = indices.data_ptr<int64_t>();
    if (largest)
      run_scan(ExtremeScan<T, true>{out, x.data_ptr<T>()}, x, dim, false);
    else
      run_scan(ExtremeScan<T, false>{out, x.data_ptr<T>()}, x, dim, false);
  });
}

}  // namespace fg::cuda
