// Patches of images as columns of a matrix, and the adjoint.
//
// im2col: one thread per element of the matrix, neighbours along the output positions; it reads its input or
// writes 0 for padding. col2im: one thread per element of the image adds what its patches hold of it, tap by tap,
// as the CPU does; so it is deterministic. Bytes: the matrix once, the image once, from the cache else. 16-bit
// types add in float.

#include "cuda/kernels/spatial_index.cuh"
#include "cuda/kernels/word.h"
#include "cuda/launch.h"
#include "tensor/kernels/conv.h"
#include "tensor/kernels/dispatch.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// A row of the matrix is a plane of `positions`, and a position of `taps`.
template <class Word>
__global__ void __launch_bounds__(kThreads)
    im2col_kernel(Word* __restrict__ columns, const Word* __restrict__ input, ConvGeometry g,
                  SpatialIndex positions, SpatialIndex taps, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition output = positions.locate(i);
    const SpatialPosition tap = taps.locate(output.plane);
    int64_t at[3];
    bool inside = true;
#pragma unroll
    for (size_t d = 0; d < 3; ++d) {
      at[d] = output.at[d] * g.stride[d] - g.padding[d] + tap.at[d] * g.dilation[d];
      inside = inside && at[d] >= 0 && at[d] < g.input[d];
    }
    Word value{};
    if (inside)
      value = input[((tap.plane * g.input[0] + at[0]) * g.input[1] + at[1]) * g.input[2] + at[2]];
    columns[i] = value;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    col2im_kernel(T* __restrict__ input, const T* __restrict__ columns, ConvGeometry g,
                  SpatialIndex index, int64_t count) {
  const int64_t taps = numel_of(g.kernel), positions = numel_of(g.output);
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition at = index.locate(i);
    const T* row = columns + at.plane * taps * positions;
    Compute<T> sum = 0;
    // The output that meets the input at a tap: exact, or none.
    const auto output = [&](size_t d, int64_t tap) {
      const int64_t shifted = at.at[d] + g.padding[d] - tap * g.dilation[d];
      const uint32_t stride = uint32_t(g.stride[d]), o = uint32_t(shifted) / stride;
      if (shifted < 0 || o * stride != uint32_t(shifted)) return int64_t(-1);
      return o < g.output[d] ? int64_t(o) : int64_t(-1);
    };
    for (int64_t kd = 0; kd < g.kernel[0]; ++kd) {
      const int64_t od = output(0, kd);
      for (int64_t kh = 0; kh < g.kernel[1]; ++kh) {
        const int64_t oh = od < 0 ? od : output(1, kh);
        for (int64_t kw = 0; kw < g.kernel[2]; ++kw, row += positions) {
          const int64_t ow = oh < 0 ? oh : output(2, kw);
          if (ow >= 0) sum += Compute<T>(row[(od * g.output[1] + oh) * g.output[2] + ow]);
        }
      }
    }
    input[i] = T(sum);
  }
}

}  // namespace

void im2col(const Tensor& columns, const Tensor& input, const ConvGeometry& g) {
  const int64_t count = columns.numel(), channels = g.batch * g.in_channels;
  const SpatialIndex positions(channels * numel_of(g.kernel), g.output), taps(channels, g.kernel);
  dispatch_word(columns.element_size(), [&]<class Word>() {
    launch(im2col_kernel<Word>, one_thread_each(count, kThreads),
           static_cast<Word*>(columns.data_ptr()), static_cast<const Word*>(input.data_ptr()), g,
           positions, taps, count);
  });
}

void col2im(const Tensor& input, const Tensor& columns, const ConvGeometry& g) {
  for (size_t d = 0; d < 3; ++d)
    ENSURE(g.input[d] + 2 * g.padding[d] + g.stride[d] <= int64_t(0xffffffff),
           "col2im: padded extents must be below 2^32 on CUDA, got ", g.input[d], " with padding ",
           g.padding[d]);
  const int64_t count = input.numel();
  dispatch_floating(input.dtype(), "col2im", [&]<class T>() {
    launch(col2im_kernel<T>, one_thread_each(count, kThreads), input.data_ptr<T>(),
           columns.data_ptr<T>(), g, SpatialIndex(g.batch * g.in_channels, g.input), count);
  });
}

}  // namespace fg::cuda
