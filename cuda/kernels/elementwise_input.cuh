// An input of the elementwise kernels, and what a thread holds of it.
#pragma once

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/pack_values.cuh"

namespace fg::cuda {

/// An input of compute type A: memory, or (data null) a constant.
template <class A>
struct Input {
  const void* data = nullptr;
  ScalarType type{};
  bool dense = false;  // vector kernel: read in packs; otherwise one element serves a pack
  A constant{};
};

namespace elementwise_detail {

/// What compute type A is in memory when float ops run on M.
template <class A, class M>
using Memory = std::conditional_t<std::is_same_v<A, float>, M, A>;

template <class M, class... Types>
inline constexpr int kPackWidth = kVectorBytes / int(std::max({sizeof(Memory<Types, M>)...}));

template <class A, int kWidth>
struct Values {
  A at[kWidth];
};

/// One input of a thread's packs, all loaded before the first of them is used.
template <unsigned kUnroll, class A, class M, int kWidth>
struct Slot {
  using T = Memory<A, M>;
  using Raw = RawPack<int(sizeof(T)) * kWidth>;
  const Input<A>& in;
  Raw packs[kUnroll];

  __device__ explicit Slot(const Input<A>& input) : in(input) {}
  __device__ __forceinline__ void load(unsigned u, const char* place) {
    if (in.dense)
      packs[u] = *reinterpret_cast<const Raw*>(place);
    else if (in.data)
      packs[u].load_single(reinterpret_cast<const T*>(place));
  }
  // Per pack, not per element: which kind of input it is costs nothing in the elements' instructions.
  __device__ __forceinline__ Values<A, kWidth> values(unsigned u) const {
    Values<A, kWidth> result;
    if (in.dense) {
      unpack_raw<T>(packs[u], result.at);
    } else {
      const A scalar = in.data ? A(packs[u].template single<T>()) : in.constant;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) result.at[j] = scalar;
    }
    return result;
  }
};

}  // namespace elementwise_detail
}  // namespace fg::cuda
