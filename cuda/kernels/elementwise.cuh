// The GPU's elementwise driver: out = f(in...) over broadcast operands of any strides and dtypes.
//
// Two kernels per op and compute type. The vector kernel takes operands of one memory type (for float
// ops: float, half or bfloat16) that are dense or constant along the innermost dim, and moves 16 bytes per
// access; contiguous operands and most broadcasts come here. The strided kernel takes everything else,
// element by element, and reads each operand's dtype at run time. Both index with 32 bits: the host cuts
// larger spaces into pieces. An element's result does not depend on the path that it took.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include "cuda/kernels/elementwise_plan.h"
#include "cuda/kernels/typed_access.cuh"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/tensor.h"

namespace fg::cuda {

/// An input of compute type A: memory, or (data null) a constant.
template <class A>
struct Input {
  const void* data = nullptr;
  ScalarType type{};
  bool splat = false;  // vector kernel: one element serves a whole pack
  A constant{};
};

namespace elementwise_detail {

inline constexpr unsigned kThreads = 256;
inline constexpr unsigned kUnroll = 2;  // packs in flight per thread
inline constexpr unsigned kTile = kThreads * kUnroll;

/// What compute type A is in memory when float ops run on M.
template <class A, class M>
using Memory = std::conditional_t<std::is_same_v<A, float>, M, A>;

template <class M, class... Types>
inline constexpr int kPackWidth = kVectorBytes / int(std::max({sizeof(Memory<Types, M>)...}));

/// One input's packs of a thread's round, all loaded before the first of them is used.
template <class A, class M, int kWidth>
struct Slot {
  using T = Memory<A, M>;
  const Input<A>& in;
  Pack<T, kWidth> packs[kUnroll];

  __device__ explicit Slot(const Input<A>& input) : in(input) {}
  __device__ __forceinline__ void load(unsigned u, int64_t offset) {
    if (!in.data) return;
    const T* const data = static_cast<const T*>(in.data) + offset;
    if (in.splat) {
#pragma unroll
      for (int j = 0; j < kWidth; ++j) packs[u].at[j] = *data;
    } else {
      packs[u] = *reinterpret_cast<const Pack<T, kWidth>*>(data);
    }
  }
  __device__ __forceinline__ A value(unsigned u, int j) const {
    return in.data ? A(packs[u].at[j]) : in.constant;
  }
};

/// One round: up to kUnroll packs of a thread, kThreads packs apart.
template <int kWidth, class F, class T, int kOperands, size_t... I, class... Slots>
__device__ __forceinline__ void run_packs(const F& f, const OffsetTable<kOperands>& table, T* out,
                                          uint32_t first, uint32_t packs, std::index_sequence<I...>,
                                          Slots... slots) {
  int64_t out_offsets[kUnroll];
#pragma unroll
  for (unsigned u = 0; u < kUnroll; ++u) {
    if (first + u * kThreads >= packs) break;
    int64_t offsets[kOperands];
    table.locate(first + u * kThreads, offsets);
    out_offsets[u] = offsets[0];
    (slots.load(u, offsets[I + 1]), ...);
  }
#pragma unroll
  for (unsigned u = 0; u < kUnroll; ++u) {
    if (first + u * kThreads >= packs) break;
    Pack<T, kWidth> result;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) result.at[j] = T(f(slots.value(u, j)...));
    *reinterpret_cast<Pack<T, kWidth>*>(out + out_offsets[u]) = result;
  }
}

/// `packs` packs through the table, then `tail` single elements behind them (one dense dim only).
template <class M, class F, class R, class... A>
__global__ void __launch_bounds__(kThreads)
    elementwise_vector_kernel(F f, OffsetTable<1 + int(sizeof...(A))> table, Memory<R, M>* out,
                              uint32_t packs, uint32_t tail, Input<A>... in) {
  constexpr int kWidth = kPackWidth<M, R, A...>;
  for (uint32_t first = blockIdx.x * kTile + threadIdx.x; first < packs; first += gridDim.x * kTile)
    run_packs<kWidth>(f, table, out, first, packs, std::index_sequence_for<A...>(),
                      Slot<A, M, kWidth>(in)...);
  if (blockIdx.x != 0 || threadIdx.x >= tail) return;
  const int64_t i = int64_t(packs) * kWidth + threadIdx.x;
  [[maybe_unused]] const auto load = [i]<class T>(const Input<T>& input) {
    if (!input.data) return input.constant;
    return T(static_cast<const Memory<T, M>*>(input.data)[input.splat ? 0 : i]);
  };
  out[i] = Memory<R, M>(f(load(in)...));
}

template <class F, class R, class... A>
__global__ void __launch_bounds__(kThreads)
    elementwise_strided_kernel(F f, OffsetTable<1 + int(sizeof...(A))> table, void* out,
                               ScalarType out_type, uint32_t count, Input<A>... in) {
  for (uint32_t i = blockIdx.x * kThreads + threadIdx.x; i < count; i += gridDim.x * kThreads) {
    int64_t offsets[1 + sizeof...(A)];
    table.locate(i, offsets);
    [&]<size_t... I>(std::index_sequence<I...>) {
      store_as<R>(out, out_type, offsets[0],
                  f((in.data ? load_as<A>(in.data, in.type, offsets[I + 1]) : in.constant)...));
    }
    (std::index_sequence_for<A...>());
  }
}

template <class A>
Input<A> make_input(const ElementwisePlan& plan, size_t k, const Tensor& in) {
  Input<A> input;
  if (plan.constant[k]) {
    input.constant = in.item().template to<A>();
  } else {
    input.data = plan.data[k];
    input.type = in.dtype();
    input.splat = plan.space.strides[k].back() == 0;
  }
  return input;
}

template <class M, class R, class... A>
bool packs_fit(const ElementwisePlan& plan) {
  const ScalarType types[] = {scalar_type_of<Memory<R, M>>, scalar_type_of<Memory<A, M>>...};
  return plan.fits_packs(types, kPackWidth<M, R, A...>);
}

template <class M, class R, class... A, class F, size_t... I, class... Tensors>
void launch_packs(const ElementwisePlan& plan, const F& f, std::index_sequence<I...>,
                  const Tensors&... in) {
  constexpr int kWidth = kPackWidth<M, R, A...>;
  const auto table = plan.table<1 + sizeof...(A)>(kWidth);
  const uint32_t packs = uint32_t(plan.space.numel / kWidth);
  const uint32_t tail = uint32_t(plan.space.numel % kWidth);
  const uint32_t blocks = std::max<uint32_t>(1, (packs + kTile - 1) / kTile);
  launch(elementwise_vector_kernel<M, F, R, A...>, {dim3(blocks), dim3(kThreads)}, f, table,
         static_cast<Memory<R, M>*>(plan.data[0]), packs, tail, make_input<A>(plan, I + 1, in)...);
}

template <class R, class... A, class F, size_t... I, class... Tensors>
void launch_strided(const ElementwisePlan& plan, const F& f, const Tensor& out,
                    std::index_sequence<I...>, const Tensors&... in) {
  const auto table = plan.table<1 + sizeof...(A)>(1);
  launch(elementwise_strided_kernel<F, R, A...>, one_thread_each(plan.space.numel, kThreads), f,
         table, plan.data[0], out.dtype(), uint32_t(plan.space.numel),
         make_input<A>(plan, I + 1, in)...);
}

}  // namespace elementwise_detail

/// The driver that tensor/kernels/elementwise_forms.h runs on. CPU tensors of one element among the inputs
/// are passed to the kernel by value.
struct ElementwiseDriver {
  template <class R, class... A, class F, class... Tensors>
  static void run(const F& f, const Tensor& out, const Tensors&... in) {
    namespace detail = elementwise_detail;
    if (out.numel() == 0) return;
    if (out.numel() > kMaxElements)
      return run_halves<R, A...>(f, std::index_sequence_for<A...>(), out, in...);
    const ElementwisePlan plan(std::array<const Tensor*, 1 + sizeof...(A)>{&out, &in...});
    const auto indices = std::index_sequence_for<A...>();
    constexpr bool kFloat = std::is_same_v<R, float> || (std::is_same_v<A, float> || ...);
    if constexpr (kFloat) {
      if (detail::packs_fit<Half, R, A...>(plan))
        return detail::launch_packs<Half, R, A...>(plan, f, indices, in...);
      if (detail::packs_fit<BFloat16, R, A...>(plan))
        return detail::launch_packs<BFloat16, R, A...>(plan, f, indices, in...);
    }
    if (detail::packs_fit<float, R, A...>(plan))
      return detail::launch_packs<float, R, A...>(plan, f, indices, in...);
    detail::launch_strided<R, A...>(plan, f, out, indices, in...);
  }

  /// Runs the vector kernel alone, for types R and A... that float ops do not stand for; false where the
  /// operands do not fit it.
  template <class R, class... A, class F, class... Tensors>
  static bool run_packs(const F& f, const Tensor& out, const Tensors&... in) {
    if (out.numel() > kMaxElements) return false;
    const ElementwisePlan plan(std::array<const Tensor*, 1 + sizeof...(A)>{&out, &in...});
    if (!elementwise_detail::packs_fit<float, R, A...>(plan)) return false;
    elementwise_detail::launch_packs<float, R, A...>(plan, f, std::index_sequence_for<A...>(),
                                                     in...);
    return true;
  }

 private:
  template <class R, class... A, class F, size_t... I, class... Tensors>
  static void run_halves(const F& f, std::index_sequence<I...>, const Tensor& out,
                         const Tensors&... in) {
    const Tensor* const operands[] = {&out, &in...};
    for (const bool second : {false, true}) {
      const std::vector<Tensor> half = half_of(operands, second);
      run<R, A...>(f, half[0], half[I + 1]...);
    }
  }
};

}  // namespace fg::cuda
