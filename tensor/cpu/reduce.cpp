#include "tensor/kernels/reduce.h"

#include "tensor/cpu/parallel.h"
#include "tensor/kernels/reduce_ops.h"

namespace fg::cpu {
namespace {

using namespace reductions;

constexpr int64_t kLanes = 64;       // independent accumulators of a row: several vector registers
constexpr int64_t kRowBase = 2048;   // below this a row is summed without splitting
constexpr int64_t kPiece = 1 << 16;  // elements of a full reduction that one task takes
constexpr int64_t kColumns = 256;    // columns reduced together, so that accumulators stay in L1
constexpr int64_t kRowsBase = 64;    // rows added one after another before halves are combined

// The accumulators are vector types, because the compiler keeps an array of scalars in memory.
template <class T>
struct Vectors {
  static constexpr int64_t kBytes = 64;
  static constexpr int64_t kWidth = kBytes / int64_t(sizeof(T));
  static constexpr int64_t kCount = kLanes / kWidth;
  typedef T Vector __attribute__((vector_size(kBytes)));
  typedef T Memory __attribute__((vector_size(kBytes), aligned(alignof(T)), may_alias));
};

template <class Op, class T>
void accumulate_lanes(T* lanes, const T* x, int64_t n) {
  if constexpr (std::is_same_v<T, bool>) {
    for (int64_t i = 0; i < n; i += kLanes)
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] = Op::combine(lanes[j], x[i + j]);
  } else {
    using V = Vectors<T>;
    typename V::Vector acc[V::kCount];
    for (int64_t v = 0; v < V::kCount; ++v)
      acc[v] = reinterpret_cast<const typename V::Memory*>(lanes)[v];
    for (int64_t i = 0; i < n; i += kLanes) {
      const auto* from = reinterpret_cast<const typename V::Memory*>(x + i);
#pragma GCC unroll 8
      for (int64_t v = 0; v < V::kCount; ++v) {
        const typename V::Vector value = from[v];
        acc[v] = Op::combine(acc[v], value);
      }
    }
    for (int64_t v = 0; v < V::kCount; ++v)
      reinterpret_cast<typename V::Memory*>(lanes)[v] = acc[v];
  }
}

template <class Op, class T>
T reduce_row_base(const T* x, int64_t n) {
  T lanes[kLanes];
  for (int64_t j = 0; j < kLanes; ++j) lanes[j] = Op::identity;
  const int64_t whole = n / kLanes * kLanes;
  accumulate_lanes<Op>(lanes, x, whole);
  for (int64_t j = 0; whole + j < n; ++j) lanes[j] = Op::combine(lanes[j], x[whole + j]);
  for (int64_t width = kLanes / 2; width > 0; width /= 2)
    for (int64_t j = 0; j < width; ++j) lanes[j] = Op::combine(lanes[j], lanes[j + width]);
  return lanes[0];
}

// Pairwise: the rounding error grows with log n instead of n.
template <class Op, class T>
T reduce_row(const T* x, int64_t n) {
  if (n <= kRowBase) return reduce_row_base<Op>(x, n);
  const int64_t half = (n / 2 + kLanes - 1) / kLanes * kLanes;
  return Op::combine(reduce_row<Op>(x, half), reduce_row<Op>(x + half, n - half));
}

// acc[j] = reduction of x[:][j] over `rows` rows of stride `step`, pairwise in the rows.
template <class Op, class T>
void reduce_columns(T* acc, const T* x, int64_t rows, int64_t step, int64_t columns) {
  if (rows > kRowsBase) {
    const int64_t half = rows / 2;
    T other[kColumns];
    reduce_columns<Op>(acc, x, half, step, columns);
    reduce_columns<Op>(other, x + half * step, rows - half, step, columns);
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) acc[j] = Op::combine(acc[j], other[j]);
    return;
  }
  for (int64_t j = 0; j < columns; ++j) acc[j] = Op::identity;
  for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) acc[j] = Op::combine(acc[j], x[i * step + j]);
  }
}

template <class Op, class T>
void reduce_all(T* out, const T* x, int64_t n) {
  const int64_t pieces = std::max<int64_t>(1, (n + kPiece - 1) / kPiece);
  const auto partial = std::make_unique<T[]>(size_t(pieces));
  parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k)
      partial[size_t(k)] = reduce_row<Op>(x + k * kPiece, std::min(kPiece, n - k * kPiece));
  });
  *out = reduce_row<Op>(partial.get(), pieces);
}

template <class Op, class T>
void run(const Tensor& out_tensor, const Tensor& x_tensor) {
  T* const out = out_tensor.data_ptr<T>();
  const T* const x = x_tensor.data_ptr<T>();
  const int64_t outer = x_tensor.size(0), n = x_tensor.size(1), inner = x_tensor.size(2);
  if (inner == 1 && outer == 1) return reduce_all<Op>(out, x, n);
  if (inner == 1) {
    parallel_for(0, outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(n, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o) out[o] = reduce_row<Op>(x + o * n, n);
                 });
    return;
  }
  const int64_t bands = (inner + kColumns - 1) / kColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(n * kColumns, 1));
  parallel_for(0, outer * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t o = unit / bands;
      const int64_t j0 = unit % bands * kColumns;
      reduce_columns<Op>(out + o * inner + j0, x + o * n * inner + j0, n, inner,
                         std::min(kColumns, inner - j0));
    }
  });
}

}  // namespace

void reduce(const Tensor& out, const Tensor& x, ReduceKind kind) {
  if (out.numel() == 0) return;
  if (kind == ReduceKind::any) return run<Any<bool>, bool>(out, x);
  if (kind == ReduceKind::all) return run<All<bool>, bool>(out, x);
  dispatch_compute(x.dtype(), "reduce", [&]<class T>() {
    switch (kind) {
      case ReduceKind::sum:
        return run<Sum<T>, T>(out, x);
      case ReduceKind::prod:
        return run<Prod<T>, T>(out, x);
      case ReduceKind::max:
        return run<Max<T>, T>(out, x);
      default:
        return run<Min<T>, T>(out, x);
    }
  });
}

namespace {

// One row: its extreme by the vector loop, then the first place where it stands.
template <bool largest, class T>
int64_t arg_row(const T* x, int64_t n, T& value) {
  value = reduce_row<std::conditional_t<largest, Max<T>, Min<T>>>(x, n);
  int64_t at = 0;
  if (value == value)
    while (x[at] != value) ++at;
  else
    while (x[at] == x[at]) ++at;
  return at;
}

template <bool largest, class T>
void arg_run(const Tensor& values, const Tensor& indices, const Tensor& x_tensor) {
  T* const out = values.data_ptr<T>();
  int64_t* const where = indices.data_ptr<int64_t>();
  const T* const x = x_tensor.data_ptr<T>();
  const int64_t outer = x_tensor.size(0), n = x_tensor.size(1), inner = x_tensor.size(2);
  if (inner == 1) {
    parallel_for(0, outer, std::max<int64_t>(1, kGrain / n), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) where[o] = arg_row<largest>(x + o * n, n, out[o]);
    });
    return;
  }
  const int64_t bands = (inner + kColumns - 1) / kColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n * std::min(inner, kColumns)));
  parallel_for(0, outer * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t o = unit / bands;
      const int64_t j0 = unit % bands * kColumns;
      const int64_t j1 = std::min(j0 + kColumns, inner);
      const T* const block = x + o * n * inner;
      T* const best = out + o * inner;
      int64_t* const at = where + o * inner;
      for (int64_t j = j0; j < j1; ++j) best[j] = block[j], at[j] = 0;
      for (int64_t i = 1; i < n; ++i) {
#pragma omp simd
        for (int64_t j = j0; j < j1; ++j) {
          const T value = block[i * inner + j];
          const bool wins = beats<largest>(value, best[j]);
          best[j] = wins ? value : best[j];
          at[j] = wins ? i : at[j];
        }
      }
    }
  });
}

}  // namespace

void arg_reduce(const Tensor& values, const Tensor& indices, const Tensor& x, bool largest) {
  if (values.numel() == 0) return;
  dispatch_compute(x.dtype(), "arg_reduce", [&]<class T>() {
    if (largest)
      arg_run<true, T>(values, indices, x);
    else
      arg_run<false, T>(values, indices, x);
  });
}

}  // namespace fg::cpu
