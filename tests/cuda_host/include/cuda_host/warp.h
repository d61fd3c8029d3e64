// Host emulation of CUDA: barriers, votes and shuffles.
#pragma once

#include <cstring>
#include <type_traits>

#include "emulation.h"

// As default arguments these name the caller's place.
#define CUDA_HOST_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(CUDA_HOST_SITE) {
  cuda_host::block_barrier(cuda_host::Barrier::sync, 0, {file, line});
}
inline int __syncthreads_or(int predicate, CUDA_HOST_SITE) {
  return cuda_host::block_barrier(cuda_host::Barrier::any, predicate, {file, line}) > 0;
}
inline int __syncthreads_and(int predicate, CUDA_HOST_SITE) {
  return cuda_host::block_barrier(cuda_host::Barrier::all, predicate, {file, line}) ==
         int(blockDim.x * blockDim.y * blockDim.z);
}
inline int __syncthreads_count(int predicate, CUDA_HOST_SITE) {
  return cuda_host::block_barrier(cuda_host::Barrier::count, predicate, {file, line});
}

namespace cuda_host {

template <class T>
concept Shuffled = std::is_trivially_copyable_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

template <class T>
uint64_t to_bits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
T from_bits(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

/// A shuffle's argument and width in one int.
constexpr int with_width(int argument, int width) { return argument << 6 | width; }
struct Segment {
  int first, last, argument;
  Segment(const WarpCall& call, int lane) {
    const int width = call.arguments[lane] & 63;
    first = lane & ~(width - 1);
    last = first + width - 1;
    argument = call.arguments[lane] >> 6;
  }
};
/// The value of `source`; undefined on a GPU, and all bits set here, when the mask leaves that lane out.
inline uint64_t value_of(const WarpCall& call, int source) {
  return call.mask >> source & 1 ? call.values[source] : ~uint64_t(0);
}
inline uint64_t shuffle(const WarpCall& call, int lane) {
  const Segment s(call, lane);
  return value_of(call, s.first | (s.argument & (s.last - s.first)));
}
inline uint64_t shuffle_up(const WarpCall& call, int lane) {
  const Segment s(call, lane);
  return value_of(call, lane - s.argument < s.first ? lane : lane - s.argument);
}
inline uint64_t shuffle_down(const WarpCall& call, int lane) {
  const Segment s(call, lane);
  return value_of(call, lane + s.argument > s.last ? lane : lane + s.argument);
}
inline uint64_t shuffle_xor(const WarpCall& call, int lane) {
  const Segment s(call, lane);
  const int source = lane ^ s.argument;
  return value_of(call, source > s.last ? lane : source);
}

/// Folds the values of the mask's lanes, as T.
template <class T, class F>
T fold(const WarpCall& call, F f) {
  int lane = __builtin_ctz(call.mask);
  T total = from_bits<T>(call.values[lane]);
  while (++lane < 32)
    if (call.mask >> lane & 1) total = f(total, from_bits<T>(call.values[lane]));
  return total;
}
inline uint64_t ballot(const WarpCall& call, int) {
  unsigned bits = 0;
  for (int lane = 0; lane < 32; ++lane)
    if ((call.mask >> lane & 1) && call.values[lane]) bits |= 1u << lane;
  return bits;
}
inline uint64_t match_any(const WarpCall& call, int caller) {
  unsigned bits = 0;
  for (int lane = 0; lane < 32; ++lane)
    if ((call.mask >> lane & 1) && call.values[lane] == call.values[caller]) bits |= 1u << lane;
  return bits;
}
inline uint64_t nothing(const WarpCall&, int) { return 0; }

}  // namespace cuda_host

inline void __syncwarp(unsigned mask = 0xffffffffu, CUDA_HOST_SITE) {
  cuda_host::warp_operation("__syncwarp", cuda_host::nothing, mask, 0, 0, {file, line});
}
template <cuda_host::Shuffled T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, CUDA_HOST_SITE) {
  return cuda_host::from_bits<T>(
      cuda_host::warp_operation("__shfl_sync", cuda_host::shuffle, mask, cuda_host::to_bits(value),
                                cuda_host::with_width(lane & 31, width), {file, line}));
}
template <cuda_host::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_HOST_SITE) {
  return cuda_host::from_bits<T>(cuda_host::warp_operation(
      "__shfl_up_sync", cuda_host::shuffle_up, mask, cuda_host::to_bits(value),
      cuda_host::with_width(int(delta), width), {file, line}));
}
template <cuda_host::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_HOST_SITE) {
  return cuda_host::from_bits<T>(cuda_host::warp_operation(
      "__shfl_down_sync", cuda_host::shuffle_down, mask, cuda_host::to_bits(value),
      cuda_host::with_width(int(delta), width), {file, line}));
}
template <cuda_host::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, CUDA_HOST_SITE) {
  return cuda_host::from_bits<T>(cuda_host::warp_operation(
      "__shfl_xor_sync", cuda_host::shuffle_xor, mask, cuda_host::to_bits(value),
      cuda_host::with_width(lane_mask & 31, width), {file, line}));
}
inline unsigned __ballot_sync(unsigned mask, int predicate, CUDA_HOST_SITE) {
  return unsigned(cuda_host::warp_operation("__ballot_sync", cuda_host::ballot, mask,
                                            predicate != 0, 0, {file, line}));
}
inline int __any_sync(unsigned mask, int predicate, CUDA_HOST_SITE) {
  return cuda_host::warp_operation("__any_sync", cuda_host::ballot, mask, predicate != 0, 0,
                                   {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CUDA_HOST_SITE) {
  return cuda_host::warp_operation("__all_sync", cuda_host::ballot, mask, predicate != 0, 0,
                                   {file, line}) == mask;
}
template <cuda_host::Shuffled T>
unsigned __match_any_sync(unsigned mask, T value, CUDA_HOST_SITE) {
  return unsigned(cuda_host::warp_operation("__match_any_sync", cuda_host::match_any, mask,
                                            cuda_host::to_bits(value), 0, {file, line}));
}
inline unsigned __activemask() { return cuda_host::active_lanes(); }

#define CUDA_HOST_WARP_REDUCE(name, type, ...)                                              \
  inline type name(unsigned mask, type value, CUDA_HOST_SITE) {                             \
    const auto result = [](const cuda_host::WarpCall& call, int) -> uint64_t {              \
      return cuda_host::to_bits(                                                            \
          cuda_host::fold<type>(call, [](type a, type b) -> type { return __VA_ARGS__; })); \
    };                                                                                      \
    return cuda_host::from_bits<type>(cuda_host::warp_operation(                            \
        #name, result, mask, cuda_host::to_bits(value), 0, {file, line}));                  \
  }
CUDA_HOST_WARP_REDUCE(__reduce_add_sync, unsigned, a + b)
CUDA_HOST_WARP_REDUCE(__reduce_add_sync, int, int(unsigned(a) + unsigned(b)))
CUDA_HOST_WARP_REDUCE(__reduce_min_sync, unsigned, a < b ? a : b)
CUDA_HOST_WARP_REDUCE(__reduce_min_sync, int, a < b ? a : b)
CUDA_HOST_WARP_REDUCE(__reduce_max_sync, unsigned, a < b ? b : a)
CUDA_HOST_WARP_REDUCE(__reduce_max_sync, int, a < b ? b : a)
CUDA_HOST_WARP_REDUCE(__reduce_and_sync, unsigned, a& b)
CUDA_HOST_WARP_REDUCE(__reduce_or_sync, unsigned, a | b)
CUDA_HOST_WARP_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef CUDA_HOST_WARP_REDUCE

inline void __nanosleep(unsigned) { cuda_host::yield_thread(); }
[[noreturn]] inline void __trap(CUDA_HOST_SITE) { cuda_host::trap({file, line}); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
