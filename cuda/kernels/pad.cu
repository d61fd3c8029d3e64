// Padding that repeats the input.
//
// Forward: one thread per output copies the input that its place means. Gradient: one thread per input gathers
// from the outputs that read it, in ascending order, which the mode gives as up to three ranges per dim; so it is
// deterministic and equal to the CPU's. Bytes: both sides once. 16-bit types add in float.

#include "cuda/kernels/spatial_index.cuh"
#include "cuda/kernels/word.h"
#include "cuda/launch.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/pad.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

template <class Word>
__global__ void __launch_bounds__(kThreads)
    pad_kernel(Word* __restrict__ output, const Word* __restrict__ input, PadGeometry g,
               SpatialIndex index, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition to = index.locate(i);
    const int64_t d = pad_source(g, 0, to.at[0]), h = pad_source(g, 1, to.at[1]);
    const int64_t w = pad_source(g, 2, to.at[2]);
    output[i] = input[((to.plane * g.input[0] + d) * g.input[1] + h) * g.input[2] + w];
  }
}

template <class Body>
__device__ __forceinline__ void for_each(const PadOutputs& outputs, const Body& body) {
  for (int range = 0; range < 3; ++range)
    for (int64_t o = outputs.begin[range]; o < outputs.end[range]; ++o) body(o);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    pad_grad_kernel(T* __restrict__ grad_input, const T* __restrict__ grad_output, PadGeometry g,
                    SpatialIndex index, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition at = index.locate(i);
    const T* const plane = grad_output + at.plane * numel_of(g.output);
    const PadOutputs height = pad_outputs(g, 1, at.at[1]), width = pad_outputs(g, 2, at.at[2]);
    Compute<T> sum = 0;
    for_each(pad_outputs(g, 0, at.at[0]), [&](int64_t d) {
      for_each(height, [&](int64_t h) {
        const T* const line = plane + (d * g.output[1] + h) * g.output[2];
        for_each(width, [&](int64_t w) { sum += Compute<T>(line[w]); });
      });
    });
    grad_input[i] = T(sum);
  }
}

}  // namespace

void pad_forward(const Tensor& output, const Tensor& input, const PadGeometry& g) {
  const int64_t count = output.numel();
  dispatch_word(output.element_size(), [&]<class Word>() {
    launch(pad_kernel<Word>, one_thread_each(count, kThreads),
           static_cast<Word*>(output.data_ptr()), static_cast<const Word*>(input.data_ptr()), g,
           SpatialIndex(g.planes, g.output), count);
  });
}

void pad_grad(const Tensor& grad_input, const Tensor& grad_output, const PadGeometry& g) {
  const int64_t count = grad_input.numel();
  dispatch_floating(grad_input.dtype(), "pad", [&]<class T>() {
    launch(pad_grad_kernel<T>, one_thread_each(count, kThreads), grad_input.data_ptr<T>(),
           grad_output.data_ptr<T>(), g, SpatialIndex(g.planes, g.input), count);
  });
}

}  // namespace fg::cuda
