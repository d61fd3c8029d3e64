// Convolution and pointwise chain in one kernel: an implicit GEMM on tensor cores whose epilogue is the chain, as a
// template over the chain (conv3d_forward.h: what it takes).
//
// Bytes: x once, but for the rows and columns at the tiles' borders ((kRows + 2) / kRows of it); z and y once.
// Everything contiguous, channels before positions. A block (conv3d_tiles.cuh) marches through the depths. It leaves
// the sums of one, 8 channels at a time, in shared memory, and stores them from there in the order of memory, 16 bytes
// at a time: stores of less than whole sectors cost several times as much as the product. Meanwhile the next depth is
// loaded. Other blocks of the multiprocessor multiply while one is at its chain. Deterministic: sums are in the order
// of the steps.
#pragma once

#include "cuda/device.h"
#include "cuda/fused/chain_value.cuh"
#include "cuda/fused/conv3d_forward.h"
#include "cuda/fused/conv3d_product.cuh"
#include "cuda/kernels/typed_access.cuh"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "cuda/shared.cuh"
#include "tensor/kernels/chain.h"

namespace fg::cuda::conv3d {

inline constexpr int kMostOperands = 8;  // of a chain

/// y is of type T or float; bias and the chain's operands are of any floating type.
template <class T, class Y>
struct Arrays {
  Y* y;
  T* z;
  const T *x, *weight;
  const void *bias, *operands[kMostOperands];
  ScalarType bias_type, operand_types[kMostOperands];
};

inline constexpr int kRound = 8;  // channels that are finished at once
inline constexpr int kRounds = kChannels / kRound;

/// Where the sums of a round lie: the results of a channel without gaps where memory has none between their rows
/// (`flat`), otherwise row by row; in either case as far from a multiple of kPack as in memory.
template <class Tl>
struct Staging {
  static constexpr int kPitch = Tl::kColumns + kPack;
  /// Words of a channel: 8 mod 32, as the lanes of a product write to 8 channels.
  static constexpr int kWords = (Tl::kRows * kPitch + 23) / 32 * 32 + 8;
  static constexpr int kPacksOfRow = kPitch / kPack;

  bool flat;
  int rows, columns;  // that are in the image
  int first;          // offset of the first result of channel 0 in an image's

  __device__ Staging(const Problem& p, const Place& place, int depth)
      : flat(p.column_tiles == 1),
        rows(min(Tl::kRows, p.out_height - place.row)),
        columns(min(Tl::kColumns, p.out_width - place.column)),
        first((depth * p.out_height + place.row) * p.out_width + place.column) {}
};

/// Shared memory, in words.
template <class Tl>
struct SharedLayout {
  int ring, staging, offsets, lines, parameters;
  int64_t words;
  __host__ __device__ SharedLayout(const Problem& p, int operands)
      : ring(p.steps * kStepWords),
        staging(ring + kSlots * p.quads * 4 * Tl::kPlane),
        offsets(staging + kRound * Staging<Tl>::kWords),
        lines(offsets + kSlots * p.steps * 2),
        parameters(lines + p.quads * 4 * Tl::kInRows * 2),
        words(parameters + kChannels * (1 + operands)) {}
};

/// [channel of the block][bias, operands of the chain].
template <int kOperands, class T, class Y>
__device__ void load_parameters(float* shared, const Arrays<T, Y>& arrays, const Problem& p,
                                int channel) {
  for (int i = int(threadIdx.x); i < kChannels; i += int(blockDim.x)) {
    if (channel + i >= p.out_channels) break;
    float* const own = shared + i * (1 + kOperands);
    own[0] = arrays.bias ? load_as<float>(arrays.bias, arrays.bias_type, channel + i) : 0.f;
#pragma unroll
    for (int k = 0; k < kOperands; ++k)
      own[1 + k] = load_as<float>(arrays.operands[k], arrays.operand_types[k], channel + i);
  }
}

/// Those of a pack that are neither before `begin` nor from `end` on.
template <class T>
__device__ __forceinline__ void store(T* to, const Pack<T, kPack>& values, int begin, int end,
                                      bool packs) {
  if (packs && begin <= 0 && end >= kPack) {
    *reinterpret_cast<Pack<T, kPack>*>(to) = values;
    return;
  }
#pragma unroll
  for (int j = 0; j < kPack; ++j)
    if (j >= begin && j < end) to[j] = values.at[j];
}

/// Leaves the sums of round i in shared memory.
template <int i, bool kFlat, bool kPairs, class T, bool kSplit, class Tl>
__device__ __forceinline__ void stage(float* shared, const Product<T, kSplit, Tl>& product,
                                      const Problem& p, const Place& place,
                                      const Staging<Tl>& staging) {
  const int thread = thread_here(), lane = thread % 32, row = Tl::warp_row(thread);
  const int column = Tl::warp_column(thread) + lane % 4 * 2;
  // Modulo kPack, so that overflow does not matter.
  const unsigned channel = unsigned(place.image) * unsigned(p.out_channels) +
                           unsigned(place.channel + i * kRound + lane / 4);
  const unsigned begin =
      channel * unsigned(p.out_height * p.out_width * p.out_depth) + unsigned(staging.first);
  const int left = staging.columns - column;
  float* const own = shared + lane / 4 * Staging<Tl>::kWords + column;
  float* to = own + int(begin % kPack) + row * p.out_width;
#pragma unroll
  for (int r = 0; r < Tl::kWarpRows; ++r) {
    if constexpr (!kFlat)
      to = own + int((begin + unsigned((row + r) * p.out_width)) % kPack) +
           (row + r) * Staging<Tl>::kPitch;
#pragma unroll
    for (int n = 0; n < Tl::kWarpTiles; ++n) {
      const float* const sums = product.sum[r][i / 2][n] + i % 2 * 2;
      if constexpr (kPairs) {
        if (left > n * 8) *reinterpret_cast<Pack<float, 2>*>(to + n * 8) = {sums[0], sums[1]};
      } else {
        if (left > n * 8) to[n * 8] = sums[0];
        if (left > n * 8 + 1) to[n * 8 + 1] = sums[1];
      }
    }
    to += p.out_width;
  }
}

template <bool kFlat, bool kPairs, class T, bool kSplit, class Tl>
__device__ __forceinline__ void stage_round(int round, float* shared,
                                            const Product<T, kSplit, Tl>& product, const Problem& p,
                                            const Place& place, const Staging<Tl>& staging) {
  static_assert(kRounds == 4);
  if (round == 0)
    stage<0, kFlat, kPairs>(shared, product, p, place, staging);
  else if (round == 1)
    stage<1, kFlat, kPairs>(shared, product, p, place, staging);
  else if (round == 2)
    stage<2, kFlat, kPairs>(shared, product, p, place, staging);
  else
    stage<3, kFlat, kPairs>(shared, product, p, place, staging);
}

/// Bias, chain and stores of what has been staged: a warp to a channel.
template <bool kFlat, bool kSplit, class T, class Y, class Tl, class C>
__device__ __forceinline__ void finish(const float* shared, const float* parameters,
                                       const Arrays<T, Y>& arrays, const Problem& p,
                                       const Place& place, const Staging<Tl>& staging, int round,
                                       const C& chain) {
  using V = ChainValue<T, kSplit, C>;
  constexpr int kOperands = C::num_channel_operands;
  const int thread = thread_here();
  for (int c = round * kRound + thread / 32; c < (round + 1) * kRound; c += Tl::kWarps) {
    if (place.channel + c >= p.out_channels) break;
    const float* const own = parameters + c * (1 + kOperands);
    const float bias = own[0];
    V operands[kOperands + 1];
#pragma unroll
    for (int k = 0; k < kOperands; ++k) operands[k] = V(own[1 + k]);
    const int volume = p.out_height * p.out_width * p.out_depth;
    const int64_t begin =
        (place.image * p.out_channels + place.channel + c) * int64_t(volume) + staging.first;
    Y* const y = arrays.y + begin;
    T* const z = arrays.z ? arrays.z + begin : nullptr;
    const float* const sums = shared + c % kRound * Staging<Tl>::kWords;
    const int shift = int(unsigned(begin) % kPack);
    const int end = kFlat ? staging.rows * p.out_width : staging.columns;
    const int packs =
        kFlat ? (shift + end + kPack - 1) / kPack : staging.rows * Staging<Tl>::kPacksOfRow;
#pragma unroll 1
    for (int i = thread % 32; i < packs; i += 32) {
      const int row = kFlat ? 0 : i / Staging<Tl>::kPacksOfRow, along = row * p.out_width;
      const int column = (i - row * Staging<Tl>::kPacksOfRow) * kPack -
                         (kFlat ? shift : int(unsigned(shift + along) % kPack));
      const auto sum = *reinterpret_cast<const Pack<float, kPack>*>(sums + i * kPack);
      Pack<T, kPack> before;
      Pack<Y, kPack> after;
#pragma unroll
      for (int j = 0; j < kPack; ++j) {
        const float value = sum.at[j] + bias;
        before.at[j] = T(value);
        after.at[j] = Y(float(chain.forward(V(value), operands)));
      }
      store(y + (along + column), after, -column, end - column, p.out_packs);
      if (z) store(z + (along + column), before, -column, end - column, p.out_packs);
    }
  }
}

/// One depth's product.
template <class T, bool kSplit, class Tl>
__device__ __forceinline__ void multiply(Product<T, kSplit, Tl>& product, const uint32_t* weights,
                                         const uint32_t* words, const int* offsets,
                                         const Problem& p) {
  const auto step = [&]<bool kSecond>(Product<T, kSplit, Tl>& sums, int i) {
    const auto at = *reinterpret_cast<const Pack<int, 2>*>(offsets + i * 2);
    sums.template step<kSecond>(weights + i * kStepWords, words + at.at[0], words + at.at[1]);
  };
#pragma unroll 1
  for (int i = 0; i < p.whole_steps; ++i) {
    // The tensor cores cut sums off where float32's addition would round: float32's sums are kept apart from them.
    if constexpr (kSplit) {
      Product<T, kSplit, Tl> part;
      step.template operator()<true>(part, i);
      product.add(part);
    } else {
      step.template operator()<true>(product, i);
    }
  }
  if (p.whole_steps < p.steps) step.template operator()<false>(product, p.whole_steps);
}

template <bool kSplit, class T, class Y, class Tl, class C>
__global__ void __launch_bounds__(Tl::kThreads, Tl::kBlocks)
    conv3d_chain_forward_kernel(Arrays<T, Y> arrays, Problem p, Tl, C chain) {
  constexpr int kOperands = C::num_channel_operands;
  const SharedLayout<Tl> layout(p, kOperands);
  uint32_t* const shared = dynamic_shared<uint32_t>();
  int* const offsets = reinterpret_cast<int*>(shared + layout.offsets);
  float* const staged = reinterpret_cast<float*>(shared + layout.staging);
  float* const parameters = reinterpret_cast<float*>(shared + layout.parameters);
  const int lane = int(threadIdx.x % 32);
  const uint32_t* const words = shared + layout.ring + lane % 4 * Tl::kPlane + lane / 4 +
                                Tl::warp_row(int(threadIdx.x)) * Tl::kInColumns +
                                Tl::warp_column(int(threadIdx.x));
  fill_offsets<Tl>(offsets, p);
  const Place place = Place::of(p, blockIdx.x, Tl());
  load_weights<T, kSplit>(shared, arrays.weight, p, place.channel);
  load_parameters<kOperands>(parameters, arrays, p, place.channel);
  Line* const lines = reinterpret_cast<Line*>(shared + layout.lines);
  fill_lines<T, Tl>(lines, p, place);
  __syncthreads();
  Loader<T, kSplit, Tl> loader(p, place, arrays.x, lines, shared + layout.ring);
  for (int kd = 0; kd < p.kernel_depth; ++kd)
    loader.bring(place.depth + kd - p.pad_depth, (place.depth + kd) % kSlots);
  __syncthreads();
  for (int depth = place.depth; depth < place.depth_end; ++depth) {
    Product<T, kSplit, Tl> product;
    multiply(product, shared + lane * 4, words, offsets + depth % kSlots * p.steps * 2, p);
    // The first depth that the next ones do not read makes room for the one behind those that have been read.
    const int next = depth + p.kernel_depth - p.pad_depth;
    const int slot = (depth + p.kernel_depth) % kSlots;
    const int chunks = depth + 1 < place.depth_end ? p.chunks : 0;
#pragma unroll 1
    for (int round = 0; round < kRounds; ++round) {
      const Staging<Tl> staging(p, place, depth);
      if (!staging.flat)
        stage_round<false, false>(round, staged, product, p, place, staging);
      else if (!p.out_pairs)
        stage_round<true, false>(round, staged, product, p, place, staging);
      else
        stage_round<true, true>(round, staged, product, p, place, staging);
      __syncthreads();
      const int chunk = round * p.round_chunks, end = min(chunk + p.round_chunks, chunks);
      loader.load(chunk, end, next);
      if (staging.flat)
        finish<true, kSplit>(staged, parameters, arrays, p, place, staging, round, chain);
      else
        finish<false, kSplit>(staged, parameters, arrays, p, place, staging, round, chain);
      loader.store(chunk, end, slot);
      loader.bring(chunk + loader.kHeld, end, next, slot);
      if (round == kRounds - 1 && chunks) loader.bring_rest(next, slot);
      __syncthreads();
    }
  }
}

/// The problem of a launch, cut into a block's parts.
template <class T, class Tl>
Problem make_problem(const ConvGeometry& g) {
  const auto extent = [](int64_t n) { return int(n); };
  const auto parts = [](int64_t n, int64_t size) { return int((n + size - 1) / size); };
  Problem p{};
  p.in_channels = extent(g.in_channels), p.out_channels = extent(g.out_channels);
  p.in_depth = extent(g.input[0]), p.in_height = extent(g.input[1]);
  p.in_width = extent(g.input[2]);
  p.out_depth = extent(g.output[0]), p.out_height = extent(g.output[1]);
  p.out_width = extent(g.output[2]);
  p.pad_depth = extent(g.padding[0]), p.pad_height = extent(g.padding[1]);
  p.pad_width = extent(g.padding[2]);
  p.kernel_depth = extent(g.kernel[0]), p.kernel_width = extent(g.kernel[2]);
  p.quads = parts(g.in_channels, 4 * kPerWord<Element<T>>);
  p.whole_steps = p.kernel_depth * p.kernel_width * p.quads / 2;
  p.steps = parts(p.kernel_depth * p.kernel_width * p.quads, 2);
  p.chunks = parts(p.quads * 4 * Tl::kInRows, Tl::kLines);
  p.round_chunks = parts(p.chunks, kRounds);
  p.row_tiles = parts(p.out_height, Tl::kRows), p.column_tiles = parts(p.out_width, Tl::kColumns);
  p.channel_groups = parts(p.out_channels, kChannels);
  // Depths are shared out where there are fewer blocks than fit at once, but not below the ring's.
  const int64_t columns = g.batch * p.row_tiles * p.column_tiles * p.channel_groups;
  const int64_t at_once = Tl::kBlocks * int64_t(device_properties().multiprocessors);
  const int64_t wanted = columns > 0 ? std::max<int64_t>(1, at_once / columns) : 1;
  p.depth_step = std::max(parts(p.out_depth, wanted), std::min(p.out_depth, 4));
  p.depth_parts = parts(p.out_depth, p.depth_step);
  p.items = columns * p.depth_parts;
  return p;
}

template <class T, bool kSplit, class Y, class Tl, class C>
void run(const Tensor& y, const Tensor& z, const Tensor& x, const Tensor& weight,
         const Tensor& bias, const std::vector<Tensor>& operands, const ConvGeometry& g,
         const Tl& tile, const C& chain) {
  static_assert(C::num_channel_operands <= kMostOperands);
  Arrays<T, Y> arrays{};
  arrays.y = y.data_ptr<Y>(), arrays.z = z.defined() ? z.data_ptr<T>() : nullptr;
  arrays.x = x.data_ptr<T>(), arrays.weight = weight.data_ptr<T>();
  if (bias.defined()) arrays.bias = bias.data_ptr(), arrays.bias_type = bias.dtype();
  for (int k = 0; k < C::num_channel_operands; ++k) {
    arrays.operands[k] = operands[size_t(k)].data_ptr();
    arrays.operand_types[k] = operands[size_t(k)].dtype();
  }
  Problem p = make_problem<T, Tl>(g);
  p.in_packs = p.in_width % kPack == 0 && p.pad_width % kPack == 0 &&
               is_aligned(arrays.x, kPack * sizeof(T));
  p.out_packs = is_aligned(arrays.y, kPack * sizeof(Y)) && is_aligned(arrays.z, kPack * sizeof(T));
  p.out_pairs = p.out_width % 2 == 0;
  const SharedLayout<Tl> layout(p, C::num_channel_operands);
  launch(conv3d_chain_forward_kernel<kSplit, T, Y, Tl, C>,
         {dim3(unsigned(p.items)), dim3(Tl::kThreads), size_t(layout.words) * sizeof(uint32_t)},
         arrays, p, tile, chain);
}

using PlainTile = Tile<4, 2, 2, 4, 2>;
using SplitTile = Tile<4, 1, 1, 8, 2>;

}  // namespace fg::cuda::conv3d

namespace fg::cuda {

template <class C>
void conv3d_chain_forward(const Tensor& y, const Tensor& z, const Tensor& x, const Tensor& weight,
                          const Tensor& bias, const std::vector<Tensor>& operands,
                          const ConvGeometry& geometry, const C& chain) {
  using namespace conv3d;
  if (y.numel() == 0) return;
  const auto start = [&]<class T, bool kSplit, class Y>(auto tile) {
    run<T, kSplit, Y>(y, z, x, weight, bias, operands, geometry, tile, chain);
  };
  const auto start_short = [&]<class T>() {
    if (y.dtype() == kFloat)
      start.template operator()<T, false, float>(PlainTile());
    else
      start.template operator()<T, false, T>(PlainTile());
  };
  if (x.dtype() == kHalf)
    start_short.template operator()<Half>();
  else if (x.dtype() == kBFloat16)
    start_short.template operator()<BFloat16>();
  else if (globalContext().allowTF32CuDNN())
    start.template operator()<float, false, float>(PlainTile());
  else
    start.template operator()<float, true, float>(SplitTile());
}

}  // namespace fg::cuda
