#include <cub/device/device_radix_sort.cuh>

#include "cuda/check.h"
#include "cuda/kernels/radix_sort.h"
#include "cuda/launch.h"
#include "tensor/factories.h"

namespace fg::cuda {
namespace {

template <class Key>
void run(const Key* keys, Key* sorted_keys, const uint32_t* positions, uint32_t* sorted_positions,
         int64_t count, int bits, Device device) {
  const cudaStream_t stream = current_stream().native();
  const auto sort = [&](void* scratch, size_t& bytes) {
    CUDA_CHECK(cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, sorted_keys, positions,
                                               sorted_positions, count, 0, bits, stream));
  };
  size_t bytes = 0;
  sort(nullptr, bytes);
  const Tensor scratch = empty({int64_t(bytes ? bytes : 1)}, TensorOptions(kByte).device(device));
  sort(scratch.data_ptr(), bytes);
}

}  // namespace

void sort_pairs(const uint32_t* keys, uint32_t* sorted_keys, const uint32_t* positions,
                uint32_t* sorted_positions, int64_t count, int bits, Device device) {
  run(keys, sorted_keys, positions, sorted_positions, count, bits, device);
}
void sort_pairs(const uint64_t* keys, uint64_t* sorted_keys, const uint32_t* positions,
                uint32_t* sorted_positions, int64_t count, int bits, Device device) {
  run(keys, sorted_keys, positions, sorted_positions, count, bits, device);
}

}  // namespace fg::cuda
