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

#include "cuda/kernels/elementwise_input.cuh"
#include "cuda/kernels/elementwise_plan.h"
#include "cuda/kernels/typed_access.cuh"
#include "cuda/launch.h"
#include "tensor/kernels/short_float.h"
#include "tensor/tensor.h"

namespace fg::cuda {

namespace elementwise_detail {

inline constexpr unsigned kThreads = 256;
/// Functions whose instructions, not memory, may set the time: those get several packs per thread, which hides their
/// latencies, and a limit of registers. For the others enough threads are in flight with one pack each.
template <class M, class F>
inline constexpr bool kBusy = std::is_same_v<M, BFloat16>&& functors::has_short_form<F>;
/// Measured on an H200 for chains of GELUs, as was kMinBlocks.
template <class M, class F, int kInputs>
inline constexpr unsigned kPacks = !kBusy<M, F>   ? 1
                                   : kInputs == 1 ? 4
                                                  : 2;
template <class M, class F, int kInputs>
inline constexpr unsigned kMinBlocks = !kBusy<M, F>   ? 1
                                       : kInputs == 1 ? 6
                                                      : 5;

/// f of one element; M is what floats are in memory.
template <class M, class R, class F, class... A>
__device__ __forceinline__ R call(const F& f, A... in) {
  if constexpr (std::is_same_v<Memory<R, M>, BFloat16> && functors::has_short_form<F>)
    return R(f(functors::ShortFloat(in)...));
  else
    return R(f(in...));
}

template <class M, class R, int kWidth, class F, class... A>
__device__ __forceinline__ auto map_pack(const F& f, const Values<A, kWidth>&... in) {
  using T = Memory<R, M>;
  R results[kWidth];
#pragma unroll
  for (int j = 0; j < kWidth; ++j) results[j] = call<M, R>(f, in.at[j]...);
  return packed_raw<T>(results);
}

/// kUnroll packs of a thread, kThreads packs apart. Behind the last pack it is read again, and nothing written.
template <unsigned kUnroll, class M, class R, int kWidth, class F, int kOperands, size_t... I,
          class... Slots>
__device__ __forceinline__ void run_packs(const F& f, const PackTable<kOperands>& table,
                                          uint32_t first, uint32_t packs, std::index_sequence<I...>,
                                          Slots... slots) {
  char* results[kUnroll];
#pragma unroll
  for (unsigned u = 0; u < kUnroll; ++u) {
    char* places[kOperands];
    table.locate(std::min(first + u * kThreads, packs - 1), places);
    results[u] = places[0];
    (slots.load(u, places[I + 1]), ...);
  }
#pragma unroll
  for (unsigned u = 0; u < kUnroll; ++u) {
    const auto result = map_pack<M, R, kWidth>(f, slots.values(u)...);
    if (first + u * kThreads < packs)
      *reinterpret_cast<std::remove_const_t<decltype(result)>*>(results[u]) = result;
  }
}

/// `packs` packs through the table, then `tail` single elements behind them (one dense dim only).
template <class M, class F, class R, class... A>
__global__ void __launch_bounds__(kThreads, kMinBlocks<M, F, int(sizeof...(A))>)
    elementwise_vector_kernel(F f, PackTable<1 + int(sizeof...(A))> table, uint32_t packs,
                              uint32_t tail, Input<A>... in) {
  constexpr int kWidth = kPackWidth<M, R, A...>;
  constexpr unsigned kUnroll = kPacks<M, F, int(sizeof...(A))>;
  const uint32_t begin = blockIdx.x * (kThreads * kUnroll);
  if (begin < packs)
    run_packs<kUnroll, M, R, kWidth>(f, table, begin + threadIdx.x, packs,
                                     std::index_sequence_for<A...>(),
                                     Slot<kUnroll, A, M, kWidth>(in)...);
  if (blockIdx.x != 0 || threadIdx.x >= tail) return;
  const int64_t i = int64_t(packs) * kWidth + threadIdx.x;
  [[maybe_unused]] const auto load = [i]<class T>(const Input<T>& input) {
    if (!input.data) return input.constant;
    return T(static_cast<const Memory<T, M>*>(input.data)[input.dense ? i : 0]);
  };
  reinterpret_cast<Memory<R, M>*>(table.data[0])[i] = Memory<R, M>(call<M, R>(f, load(in)...));
}

/// M: BFloat16 where all memory is, for functors with a short form; the dtypes rule.
template <class M, class F, class R, class... A>
__global__ void __launch_bounds__(kThreads)
    elementwise_strided_kernel(F f, OffsetTable<1 + int(sizeof...(A))> table, void* out,
                               ScalarType out_type, uint32_t count, Input<A>... in) {
  for (uint32_t i = blockIdx.x * kThreads + threadIdx.x; i < count; i += gridDim.x * kThreads) {
    int64_t offsets[1 + sizeof...(A)];
    table.locate(i, offsets);
    [&]<size_t... I>(std::index_sequence<I...>) {
      store_as<R>(
          out, out_type, offsets[0],
          call<M, R>(f, (in.data ? load_as<A>(in.data, in.type, offsets[I + 1]) : in.constant)...));
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
    input.dense = plan.space.strides[k].back() != 0;
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
  const auto table = plan.pack_table<1 + sizeof...(A)>(kWidth);
  const uint32_t packs = uint32_t(plan.space.numel / kWidth);
  const uint32_t tail = uint32_t(plan.space.numel % kWidth);
  constexpr uint32_t kTile = kThreads * kPacks<M, F, int(sizeof...(A))>;
  const uint32_t blocks = std::max<uint32_t>(1, (packs + kTile - 1) / kTile);
  launch(elementwise_vector_kernel<M, F, R, A...>, {dim3(blocks), dim3(kThreads)}, f, table, packs,
         tail, make_input<A>(plan, I + 1, in)...);
}

template <class M, class R, class... A, class F, size_t... I, class... Tensors>
void launch_strided(const ElementwisePlan& plan, const F& f, const Tensor& out,
                    std::index_sequence<I...>, const Tensors&... in) {
  const auto table = plan.table<1 + sizeof...(A)>();
  launch(elementwise_strided_kernel<M, F, R, A...>, one_thread_each(plan.space.numel, kThreads), f,
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
    if constexpr (std::is_same_v<R, float> && functors::has_short_form<F>) {
      if (plan.all_are(kBFloat16))
        return detail::launch_strided<BFloat16, R, A...>(plan, f, out, indices, in...);
    }
    detail::launch_strided<float, R, A...>(plan, f, out, indices, in...);
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
