// How one thread walks its share of a fold's terms (fold.cuh), with kBatch packs on their way, in the last, partial
// batch of a row too: of rows of a thousand elements that is the only one.
#pragma once

#include <bit>

#include "cuda/kernels/row_packs.cuh"

namespace fg::cuda {

/// Where a term stands: in memory order, in the matrix, and along the folded dim, in which the next term of the
/// same row stands `step` further.
struct Place {
  int64_t flat, row, column, along;
  int step;
};

namespace fold_detail {

inline constexpr int kFoldThreads = 256;

/// f(a, b) for an a whose terms come before b's.
template <class F>
__device__ __forceinline__ typename F::Acc join(const F& f, const typename F::Acc& a,
                                                const typename F::Acc& b) {
  if constexpr (requires { f.in_order(a, b); })
    return f.in_order(a, b);
  else
    return f(a, b);
}

/// Combines `count` neighbouring terms as a balanced tree; the result is in the first.
template <int kCount, class F>
__device__ __forceinline__ void combine_tree(const F& f, typename F::Acc* terms) {
#pragma unroll
  for (int step = 1; step < kCount; step *= 2)
#pragma unroll
    for (int j = 0; j + step < kCount; j += 2 * step) terms[j] = join(f, terms[j], terms[j + step]);
}

/// W neighbours as fetched: F's packs, or their terms where F does not part loading from computing.
template <class Acc, int W>
struct Terms {
  Acc at[W];
};
template <int W, class F>
__device__ __forceinline__ auto fetch(const F& f, const Place& at) {
  if constexpr (requires { f.template fetch<W>(at); }) {
    return f.template fetch<W>(at);
  } else {
    Terms<typename F::Acc, W> terms;
    f.template load<W>(at, terms.at);
    return terms;
  }
}
template <class F, int W>
using Fetched = decltype(fetch<W>(std::declval<const F&>(), Place()));
/// A value as words. Packs that wait for a conditional load are kept so: of smaller parts the compiler makes copies,
/// which wait for each load before the next one starts.
template <int kCount>
struct WordArray {
  uint32_t at[kCount];
};
template <class T>
using Words = std::conditional_t<sizeof(T) % 4 == 0, WordArray<int(sizeof(T) / 4)>, T>;
template <class T>
__device__ __forceinline__ Words<T> words_of(const T& value) {
  return std::bit_cast<Words<T>>(value);
}
/// Packs in flight per thread: terms take more registers than what they are computed from.
template <class F>
inline constexpr int kBatch = requires(const F& f) {
  f.template fetch<1>(Place());
}
? 8 : 4;

/// Whether F may access its packs as such.
template <class F>
__device__ __forceinline__ bool is_aligned_fold(const F& f) {
  if constexpr (requires { f.aligned; })
    return f.aligned;
  else
    return true;
}

template <int W, class F>
__device__ __forceinline__ Terms<typename F::Acc, W> terms_of(const F& f, const Place& at,
                                                              const Fetched<F, W>& fetched) {
  if constexpr (requires { f.template fetch<W>(at); }) {
    Terms<typename F::Acc, W> terms;
    f.template terms<W>(at, fetched, terms.at);
    return terms;
  } else {
    return fetched;
  }
}

/// Adds W neighbours in a row to the terms before them.
template <int W, class F>
__device__ __forceinline__ void take(const F& f, typename F::Acc& acc, const Place& at,
                                     const Fetched<F, W>& fetched) {
  if constexpr (requires { f.template take<W>(acc, at, fetched); }) {
    f.template take<W>(acc, at, fetched);
  } else {
    auto terms = terms_of<W>(f, at, fetched);
    combine_tree<W>(f, terms.at);
    acc = join(f, acc, terms.at[0]);
  }
}

/// body(place(p), its pack) for p = lane, lane + lanes, ... below `count`, in this order, B packs being on their way.
template <int W, int B, class F, class PlaceOf, class Body>
__device__ __forceinline__ void for_each_pack(const F& f, int lane, int lanes, int count,
                                              PlaceOf place, Body body) {
  int p = lane;
  // Elements that are loaded one by one would take too many registers in batches.
  if (!is_aligned_fold(f)) {
#pragma unroll 1
    for (; p < count; p += lanes) body(place(p), fetch<W>(f, place(p)));
    return;
  }
  Words<Fetched<F, W>> packs[B];
  // The same decision for all lanes, so that they stay together.
  for (; p - lane + B * lanes <= count; p += B * lanes) {
#pragma unroll
    for (int u = 0; u < B; ++u) packs[u] = words_of(fetch<W>(f, place(p + u * lanes)));
#pragma unroll
    for (int u = 0; u < B; ++u) body(place(p + u * lanes), std::bit_cast<Fetched<F, W>>(packs[u]));
  }
  if (p - lane >= count) return;
#pragma unroll
  for (int u = 0; u < B; ++u) {
    packs[u] = {};
    if (p + u * lanes < count) packs[u] = words_of(fetch<W>(f, place(p + u * lanes)));
  }
  // Branches, since they keep the loads above together.
#pragma unroll
  for (int u = 0; u < B; ++u)
    if (p + u * lanes < count) body(place(p + u * lanes), std::bit_cast<Fetched<F, W>>(packs[u]));
}

/// body(i) for this lane's share of the elements of [begin, end) in front of the first whole pack of W and behind
/// the last.
template <int W, class Body>
__device__ void for_each_end(int lane, int lanes, int64_t begin, int64_t end, Body body) {
  const int64_t first = (begin + W - 1) & -W, last = end & -W;
  const int64_t head_end = first < end ? first : end, tail = last > head_end ? last : head_end;
  const int64_t head = head_end - begin;
  for (int64_t e = lane; e < head + (end - tail); e += lanes)
    body(e < head ? begin + e : tail + (e - head));
}

/// This lane's share of the elements [begin, end) of row `row`, counted from the matrix's start.
template <class F>
__device__ typename F::Acc fold_range(const F& f, int64_t row, int64_t columns, int64_t begin,
                                      int64_t end, int lane, int lanes) {
  constexpr int W = F::kPack;
  const int64_t start = row * columns;
  const auto place = [&](int64_t flat) { return Place{flat, row, flat - start, flat - start, 1}; };
  typename F::Acc acc = f.identity();
  // Memory is too small for a piece of 2^31 packs.
  const int64_t first = (begin + W - 1) & -W;
  const int count = int(((end & -W) - first) / W);
  const auto pack = [&](int p) { return place(first + int64_t(p) * W); };
  for_each_pack<W, kBatch<F>>(
      f, lane, lanes, count, pack,
      [&](const Place& at, const auto& fetched) { take<W>(f, acc, at, fetched); });
  if (W > 1 && ((begin | end) & (W - 1)) != 0)
    for_each_end<W>(lane, lanes, begin, end, [&](int64_t i) {
      acc = f(acc, terms_of<1>(f, place(i), fetch<1>(f, place(i))).at[0]);
    });
  return acc;
}

}  // namespace fold_detail
}  // namespace fg::cuda
