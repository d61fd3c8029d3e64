// TensorChunks: many tensors walked by one launch. The table travels as a kernel parameter, which CUDA 12.1
// and later allow up to 32,764 bytes on these GPUs.
#pragma once

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/vector.cuh"

namespace fg::cuda {

/// Tensors, given as kPointers parallel arrays each, cut into chunks of kChunk elements; one block per chunk.
template <int kPointers, int64_t kChunk = 8192>
struct TensorChunks {
  static constexpr int kMaxTensors = 256;

  void* data[kMaxTensors][kPointers];
  int64_t numel[kMaxTensors];
  uint32_t first_chunk[kMaxTensors + 1];
  int count = 0;

  static int64_t chunks_of(int64_t numel) { return (numel + kChunk - 1) / kChunk; }
  uint32_t chunks() const { return count == 0 ? 0 : first_chunk[count]; }
  bool has_room(int64_t numel) const {
    return count < kMaxTensors && chunks() + chunks_of(numel) <= kMaxGrid;
  }
  /// The caller fills in data[i] for the returned i.
  int add(int64_t tensor_numel) {
    first_chunk[count] = chunks();
    numel[count] = tensor_numel;
    first_chunk[count + 1] = first_chunk[count] + uint32_t(chunks_of(tensor_numel));
    return count++;
  }

  /// By bisection; the whole block goes the same way.
  __device__ int tensor_of(uint32_t chunk) const {
    int low = 0, high = count;  // first_chunk[low] <= chunk < first_chunk[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first_chunk[middle] <= chunk ? low : high) = middle;
    }
    return low;
  }
};

/// The elements of one block's chunk, in packs of kWidth as far as alignment allows.
template <int kPointers>
struct Chunk {
  void* data[kPointers];
  int64_t begin, packs_end, end;

  /// `width`: elements in 16 bytes.
  template <int64_t kChunk>
  __device__ Chunk(const TensorChunks<kPointers, kChunk>& tensors, int tensor, int width) {
    bool aligned = true;
#pragma unroll
    for (int k = 0; k < kPointers; ++k) {
      data[k] = tensors.data[tensor][k];
      aligned = aligned && reinterpret_cast<uintptr_t>(data[k]) % kVectorBytes == 0;
    }
    begin = (blockIdx.x - tensors.first_chunk[tensor]) * kChunk;
    end = min(begin + kChunk, tensors.numel[tensor]);
    packs_end = aligned ? begin + (end - begin) / width * width : begin;
  }
};

}  // namespace fg::cuda
