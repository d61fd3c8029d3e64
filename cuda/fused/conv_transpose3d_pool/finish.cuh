// The second kernel of the gradients: adds what the blocks of the first, backward.cuh, have summed.
#pragma once

#include "cuda/fused/conv_transpose3d_pool/backward_loads.cuh"
#include "cuda/kernels/typed_access.cuh"

namespace fg::cuda::transpose_pool {

// 32 neighbouring sums at a time, by 8 threads each.
inline constexpr int kFinishSlices = 8;
inline constexpr unsigned kFinishThreads = kFinishSlices * kWarp;

/// The sum over `blocks` of element `slot` (below size) of arrays of `size`, in a fixed order; for slice 0 only.
__device__ __forceinline__ float sum_blocks(const float* parts, int64_t blocks, int64_t size,
                                            int64_t slot) {
  __shared__ float slices[kFinishSlices][kWarp];
  const int slice = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  float sum = 0;
#pragma unroll 16
  for (int64_t block = slice; block < blocks; block += kFinishSlices)
    sum += parts[block * size + slot];
  slices[slice][lane] = sum;
  __syncthreads();
  for (int i = 1; i < kFinishSlices && slice == 0; ++i) sum += slices[i][lane];
  return sum;
}

/// Where gradients go; those that are null are not wanted. At 0: the bias, then the operands.
template <int kCount>
struct Grads {
  void* weight = nullptr;
  void* channel[kCount] = {};
  ScalarType weight_type = kFloat, channel_types[kCount] = {};
};

/// A block per 32 of a group's sums: first those of grad_weight [in][out][27], then the channels' (the same in all
/// groups of input channels). Grid y as the first kernel's.
template <int kCount>
__global__ void __launch_bounds__(kFinishThreads)
    finish_kernel(Grads<kCount> grads, const float* __restrict__ block_sums,
                  const float* __restrict__ channel_sums, int64_t blocks, Problem p,
                  int in_groups) {
  const int first_out = int(blockIdx.y) / in_groups * kOutChannels;
  const int first_in = int(blockIdx.y) % in_groups * kInChannels;
  const int64_t first_block = blockIdx.y * blocks;
  const int slot = int(blockIdx.x) * kWarp + int(threadIdx.x) % kWarp;
  if (int(blockIdx.x) >= kBlockSums / kWarp) {
    constexpr int kSize = kOutChannels * kCount;
    const int own = slot - kBlockSums, out = first_out + own / kCount, k = own % kCount;
    if (!channel_sums || first_in > 0) return;
    const float sum = sum_blocks(channel_sums + first_block * kSize, blocks, kSize, own);
    if (threadIdx.x < kWarp && out < p.out_channels && grads.channel[k])
      store_as(grads.channel[k], grads.channel_types[k], out, sum);
    return;
  }
  if (!block_sums) return;
  const float sum = sum_blocks(block_sums + first_block * kBlockSums, blocks, kBlockSums, slot);
  if (threadIdx.x >= kWarp) return;
  const int i = slot % 4, lane = slot / 4 % kWarp, tile = slot / (4 * kWarp);
  const int n = tile % kOwnTiles, tap = tile / kOwnTiles % kOwnTaps;
  const int warp = tile / (kOwnTiles * kOwnTaps);
  const int out = first_out + warp % 2 * 16 + lane / 4 + i / 2 * 8;
  const int in = first_in + n * 8 + lane % 4 * 2 + i % 2;
  if (out >= p.out_channels || in >= p.in_channels) return;
  store_as(grads.weight, grads.weight_type,
           (int64_t(in) * p.out_channels + out) * kTaps + warp / 2 * kOwnTaps + tap, sum);
}

}  // namespace fg::cuda::transpose_pool
