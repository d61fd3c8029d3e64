#include "tensor/kernels/scan.h"

#include <cmath>

#include "tensor/cpu/lines.h"

namespace fg::cpu {
namespace {

template <class T>
using Accumulator = std::conditional_t<std::is_integral_v<T>, T, double>;

// Runs state = step(state, at, first) along each line, `at` being the element's offset, and stores the
// state after each step.
template <class T, class State, class Step>
void scan(const Tensor& out, int64_t dim, bool reverse, State start, Step step) {
  const Lines lines(out, dim);
  T* result = out.data_ptr<T>();
  const auto row_of = [&](int64_t first, int64_t i) {
    return first + (reverse ? lines.extent - 1 - i : i) * lines.stride;
  };
  for_each_line_group(lines, [&](int64_t first, int64_t lanes) {
    if (lanes == 1) {  // the state stays in a register
      State state = start;
      for (int64_t i = 0; i < lines.extent; ++i) {
        const int64_t at = row_of(first, i);
        state = step(state, at, i == 0);
        result[at] = static_cast<T>(state);
      }
      return;
    }
    State state[kLanes];
    std::fill(state, state + lanes, start);
    for (int64_t i = 0; i < lines.extent; ++i) {
      const int64_t row = row_of(first, i);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        state[lane] = step(state[lane], row + lane, i == 0);
        result[row + lane] = static_cast<T>(state[lane]);
      }
    }
  });
}

}  // namespace

void cumsum(const Tensor& out, const Tensor& x, int64_t dim, bool reverse) {
  dispatch_compute(x.dtype(), "cumsum", [&]<class T>() {
    using A = Accumulator<T>;
    const T* data = x.data_ptr<T>();
    scan<T>(out, dim, reverse, A(0), [=](A sum, int64_t at, bool) { return sum + A(data[at]); });
  });
}

void cumprod(const Tensor& out, const Tensor& x, int64_t dim) {
  dispatch_compute(x.dtype(), "cumprod", [&]<class T>() {
    using A = Accumulator<T>;
    const T* data = x.data_ptr<T>();
    scan<T>(out, dim, false, A(1),
            [=](A product, int64_t at, bool) { return product * A(data[at]); });
  });
}

void linear_recurrence(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim,
                       bool reverse) {
  const int64_t factor_at = reverse ? Lines(out, dim).stride : 0;
  dispatch_float_double(a.dtype(), "linear_recurrence", [&]<class T>() {
    const T *factors = a.data_ptr<T>(), *terms = b.data_ptr<T>();
    scan<T>(out, dim, reverse, 0.0, [=](double h, int64_t at, bool first) {
      return first ? double(terms[at]) : double(factors[at + factor_at]) * h + double(terms[at]);
    });
  });
}

void logcumsumexp(const Tensor& out, const Tensor& x, int64_t dim) {
  dispatch_float_double(x.dtype(), "logcumsumexp", [&]<class T>() {
    const T* data = x.data_ptr<T>();
    scan<T>(out, dim, false, -double(INFINITY),
            [=](double sum, int64_t at, bool) { return log_add_exp(sum, double(data[at])); });
  });
}

void cumulative_extreme(const Tensor& indices, const Tensor& x, int64_t dim, bool largest) {
  const Lines lines(x, dim);
  int64_t* result = indices.data_ptr<int64_t>();
  dispatch_compute(x.dtype(), "cumulative_extreme", [&]<class T>() {
    const T* data = x.data_ptr<T>();
    for_each_line_group(lines, [&](int64_t first, int64_t lanes) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const int64_t start = first + lane;
        int64_t best = 0;
        for (int64_t i = 0; i < lines.extent; ++i) {
          const T value = data[start + i * lines.stride],
                  extreme = data[start + best * lines.stride];
          const bool beats = largest ? value >= extreme : value <= extreme;
          if (beats || value != value) best = i;  // nothing beats a NaN but another
          result[start + i * lines.stride] = best;
        }
      }
    });
  });
}

}  // namespace fg::cpu
