// The sum of squares of many tensors, for clipping by the global norm.
//
// One launch per 256 tensors of a dtype: a block adds the squares of its chunk (tensor_chunks.cuh) in double, in
// a fixed order; a last block adds the chunks' sums. Bytes: each element read once. Nothing waits.

#include <algorithm>

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/tensor_chunks.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/optim.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    chunk_squares_kernel(double* sums, const __grid_constant__ TensorChunks<1> tensors) {
  constexpr int kWidth = kVectorBytes / int(sizeof(T));
  const Chunk<1> chunk(tensors, tensors.tensor_of(blockIdx.x), kWidth);
  const T* const x = static_cast<const T*>(chunk.data[0]);
  double sum = 0;
#pragma unroll 4
  for (int64_t i = chunk.begin + threadIdx.x * kWidth; i < chunk.packs_end;
       i += kThreads * kWidth) {
    const auto pack = *reinterpret_cast<const Pack<T, kWidth>*>(x + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sum += double(pack.at[j]) * double(pack.at[j]);
  }
  for (int64_t i = chunk.packs_end + threadIdx.x; i < chunk.end; i += kThreads)
    sum += double(x[i]) * double(x[i]);
  sum = block_reduce<kThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads)
    total_kernel(double* total, const double* sums, int64_t count) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += sums[i];
  sum = block_reduce<kThreads>(sum);
  if (threadIdx.x == 0) *total = sum;
}

/// Chunks of the tensors of dtype T, from sums[0] on; returns how many.
template <class T>
int64_t run(const std::vector<Tensor>& tensors, double* sums) {
  TensorChunks<1> table;
  int64_t done = 0;
  const auto flush = [&] {
    launch(chunk_squares_kernel<T>, {dim3(table.chunks()), dim3(kThreads)}, sums + done, table);
    done += table.chunks();
    table.count = 0;
  };
  for (const Tensor& tensor : tensors) {
    if (tensor.dtype() != scalar_type_of<T> || tensor.numel() == 0) continue;
    if (!table.has_room(tensor.numel())) flush();
    table.data[table.add(tensor.numel())][0] = tensor.data_ptr();
  }
  flush();
  return done;
}

}  // namespace

Tensor sum_of_squares(const std::vector<Tensor>& tensors) {
  int64_t chunks = 0;
  for (const Tensor& tensor : tensors) chunks += TensorChunks<1>::chunks_of(tensor.numel());
  const TensorOptions options = TensorOptions(kDouble).device(tensors[0].device());
  const Tensor sums = empty({chunks}, options), total = empty({}, options);
  double* const first = sums.data_ptr<double>();
  int64_t done = 0;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16})
    dispatch_floating(type, "sum_of_squares",
                      [&]<class T>() { done += run<T>(tensors, first + done); });
  launch(total_kernel, one_block_each(1, kThreads), total.data_ptr<double>(), first, done);
  return total;
}

}  // namespace fg::cuda
