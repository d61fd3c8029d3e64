// Loss scaling (optim/grad_scaler.h): unscaling many gradients with a check, and the scale's update. Nothing waits for
// the host, so both can be captured.
//
// unscale_and_check: one launch per 256 tensors of a dtype; a block takes one chunk of one tensor (tensor_chunks.cuh), in
// packs of 16 bytes where the tensor is aligned. Bytes: each element read and written once. Blocks that find an element
// that is not finite all write the same 1.

#include <cmath>

#include "cuda/kernels/tensor_chunks.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/optim.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__device__ __forceinline__ bool unscale(T& element, float factor) {
  using C = Compute<T>;
  const C value = C(element);
  element = T(value * C(factor));
  return isfinite(value);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    unscale_and_check_kernel(float* found_inf, const float* inv_scale,
                             const __grid_constant__ TensorChunks<1> tensors) {
  constexpr int kWidth = kVectorBytes / int(sizeof(T));
  const Chunk<1> chunk(tensors, tensors.tensor_of(blockIdx.x), kWidth);
  T* const x = static_cast<T*>(chunk.data[0]);
  const float factor = *inv_scale;
  bool finite = true;
  for (int64_t i = chunk.begin + threadIdx.x * kWidth; i < chunk.packs_end;
       i += kThreads * kWidth) {
    auto pack = *reinterpret_cast<const Pack<T, kWidth>*>(x + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) finite = unscale(pack.at[j], factor) && finite;
    *reinterpret_cast<Pack<T, kWidth>*>(x + i) = pack;
  }
  for (int64_t i = chunk.packs_end + threadIdx.x; i < chunk.end; i += kThreads)
    finite = unscale(x[i], factor) && finite;
  if (!finite) *found_inf = 1;
}

template <class T>
void run(const std::vector<Tensor>& tensors, float* found_inf, const float* inv_scale) {
  TensorChunks<1> table;
  const auto flush = [&] {
    launch(unscale_and_check_kernel<T>, {dim3(table.chunks()), dim3(kThreads)}, found_inf,
           inv_scale, table);
    table.count = 0;
  };
  for (const Tensor& tensor : tensors) {
    if (tensor.dtype() != scalar_type_of<T> || tensor.numel() == 0) continue;
    if (!table.has_room(tensor.numel())) flush();
    table.data[table.add(tensor.numel())][0] = tensor.data_ptr();
  }
  flush();
}

__global__ void update_loss_scale_kernel(float* scale, int32_t* growth_tracker,
                                         const float* found_inf, const LossScaleUpdate update) {
  update(*scale, *growth_tracker, *found_inf);
}

}  // namespace

void unscale_and_check(const std::vector<Tensor>& grads, const Tensor& found_inf,
                       const Tensor& inv_scale) {
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16})
    dispatch_floating(type, "unscale_and_check", [&]<class T>() {
      run<T>(grads, found_inf.data_ptr<float>(), inv_scale.data_ptr<float>());
    });
}

void update_loss_scale(const Tensor& scale, const Tensor& growth_tracker, const Tensor& found_inf,
                       const LossScaleUpdate& update) {
  launch(update_loss_scale_kernel, one_block_each(1, 1), scale.data_ptr<float>(),
         growth_tracker.data_ptr<int32_t>(), found_inf.data_ptr<float>(), update);
}

}  // namespace fg::cuda
