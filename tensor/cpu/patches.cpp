// Ways through patches written out: im2col and col2im, and the input's gradient of a convolution with
// strides, whose outputs meet the inputs in no regular order.

#include "tensor/cpu/patches.h"

#include <utility>
#include <vector>

#include "tensor/cpu/conv_panels.h"
#include "tensor/cpu/gemm.h"

namespace fg::cpu {
namespace {

constexpr int64_t kPatchElements = 64 * 1024;  // of a block: leaves L2 room for the rest

/// Sizes of one image and one group for the way through patches.
struct Shape {
  explicit Shape(const ConvGeometry& g)
      : in_channels(g.group_in()),
        out_channels(g.group_out()),
        taps(numel_of(g.kernel)),
        rows(in_channels * taps),
        columns(numel_of(g.output)),
        plane(numel_of(g.input)) {
    // Whole output lines where they fit, so that runs of patches stay long.
    const int64_t fitting = std::max<int64_t>(kPatchElements / rows, 16), line = g.output[2];
    block = std::min(fitting >= line ? fitting / line * line : fitting / 16 * 16, columns);
  }

  int64_t in_channels, out_channels;
  int64_t taps, rows, columns;  // rows and columns of the patch matrix
  int64_t plane;                // elements of one input channel
  int64_t block;                // columns worked on at a time
};

template <class T>
void fill_planes(T* planes, int64_t count, int64_t plane, const T* values) {
  for (int64_t c = 0; c < count; ++c)
    std::fill_n(planes + c * plane, plane, values ? values[c] : T(0));
}

/// Columns [begin, begin + count) of `rows` rows as PackedMatrix::multiply wants them: in place when
/// no vector can reach over a row's end, else copied to `buffer`. Returns where, and the row stride.
template <class T>
std::pair<const T*, int64_t> padded_columns(const T* matrix, int64_t rows, int64_t row_stride,
                                            int64_t begin, int64_t count, T* buffer) {
  const int64_t extent = PackedMatrix<T>::row_extent(count);
  if (begin + extent <= row_stride) return {matrix + begin, row_stride};
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(matrix + r * row_stride + begin, count, buffer + r * extent);
  return {buffer, extent};
}

/// Adds to the planes of `channels` input channels; `packed` holds their columns of the
/// weight, transposed.
template <class T>
void input_grad_channels(T* grad_x, const T* grad_y, const PackedMatrix<T>& packed,
                         int64_t channels, const Shape& s, const ConvGeometry& g, T* patches,
                         T* buffer) {
  for (int64_t begin = 0; begin < s.columns; begin += s.block) {
    const int64_t end = std::min(begin + s.block, s.columns), count = end - begin;
    const auto [b, ldb] = padded_columns(grad_y, s.out_channels, s.columns, begin, count, buffer);
    packed.multiply(count, b, ldb, T(0), patches, count);
    scatter_patches(patches, count, channels, g, begin, end, grad_x);
  }
}

}  // namespace

template <class T>
void input_grad_by_patches(T* grad_input, const T* grad_output, const T* weight, const T* bias,
                           const ConvGeometry& g) {
  const Shape s(g);
  const int64_t images = g.batch * g.groups;
  const int64_t wanted = images >= kMinTasks ? 1 : std::min(s.in_channels, kMinTasks);
  const int64_t chunk = ceil_div(s.in_channels, wanted), chunks = ceil_div(s.in_channels, chunk);
  const auto channels_of = [&](int64_t i) { return std::min(chunk, s.in_channels - i * chunk); };
  std::vector<PackedMatrix<T>> packed;
  for (int64_t i = 0; i < g.groups * chunks; ++i)
    packed.emplace_back(true, channels_of(i % chunks) * s.taps, s.out_channels,
                        weight + i / chunks * s.out_channels * s.rows + i % chunks * chunk * s.taps,
                        s.rows);
  // Adding a patch's element up takes about as long as four operations elsewhere.
  const int64_t work = 4 * chunk * s.taps * s.columns;
  parallel_for(0, images * chunks, 1 + kGrain / std::max<int64_t>(work, 1),
               [&](int64_t first, int64_t last) {
                 const int64_t extent = PackedMatrix<T>::row_extent(s.block);
                 const auto patches = aligned_array<T>(chunk * s.taps * extent);
                 const auto buffer = aligned_array<T>(s.out_channels * extent);
                 for (int64_t task = first; task < last; ++task) {
                   const int64_t image = task / chunks, group = image % g.groups;
                   const int64_t begin = task % chunks * chunk,
                                 channels = channels_of(task % chunks);
                   T* grad_x = grad_input + (image * s.in_channels + begin) * s.plane;
                   fill_planes(grad_x, channels, s.plane,
                               bias ? bias + group * s.in_channels + begin : nullptr);
                   input_grad_channels(grad_x, grad_output + image * s.out_channels * s.columns,
                                       packed[size_t(group * chunks + task % chunks)], channels, s,
                                       g, patches.get(), buffer.get());
                 }
               });
}

template void input_grad_by_patches(float*, const float*, const float*, const float*,
                                    const ConvGeometry&);
template void input_grad_by_patches(double*, const double*, const double*, const double*,
                                    const ConvGeometry&);

void im2col(const Tensor& columns, const Tensor& input, const ConvGeometry& geometry) {
  dispatch_float_double(columns.dtype(), "im2col", [&]<class T>() {
    const int64_t positions = numel_of(geometry.output), plane = numel_of(geometry.input);
    const int64_t rows = numel_of(geometry.kernel);
    T* out = columns.data_ptr<T>();
    const T* in = input.const_data_ptr<T>();
    const int64_t grain = 1 + kGrain / std::max<int64_t>(rows * positions, 1);
    parallel_for(0, geometry.batch * geometry.in_channels, grain, [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c)
        gather_patches(in + c * plane, 1, geometry, 0, positions, out + c * rows * positions,
                       positions);
    });
  });
}

void col2im(const Tensor& input, const Tensor& columns, const ConvGeometry& geometry) {
  dispatch_float_double(input.dtype(), "col2im", [&]<class T>() {
    const int64_t positions = numel_of(geometry.output), plane = numel_of(geometry.input);
    const int64_t rows = numel_of(geometry.kernel);
    T* out = input.data_ptr<T>();
    const T* in = columns.const_data_ptr<T>();
    const int64_t grain = 1 + kGrain / std::max<int64_t>(rows * positions, 1);
    parallel_for(0, geometry.batch * geometry.in_channels, grain, [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c) {
        std::fill_n(out + c * plane, plane, T(0));
        scatter_patches(in + c * rows * positions, positions, 1, geometry, 0, positions,
                        out + c * plane);
      }
    });
  });
}

}  // namespace fg::cpu
