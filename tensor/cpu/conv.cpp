// Convolutions on the CPU: patches gathered in blocks that stay in the cache, and matrix products
// over them. Work is split by shapes alone, so results do not depend on the number of threads.

#include <memory>
#include <vector>

#include "tensor/cpu/gemm.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/patches.h"

namespace fg::cpu {
namespace {

constexpr int64_t kMinTasks = 8;               // enough to share among threads evenly
constexpr int64_t kPatchElements = 64 * 1024;  // of a block of patches: leaves L2 room for the rest

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Sizes of one image and one group.
struct Shape {
  explicit Shape(const ConvGeometry& g)
      : in_channels(g.group_in()),
        out_channels(g.group_out()),
        taps(numel_of(g.kernel)),
        rows(in_channels * taps),
        columns(numel_of(g.output)),
        plane(numel_of(g.input)) {
    const Extents ones = {1, 1, 1}, zeros = {0, 0, 0};
    pointwise = g.kernel == ones && g.stride == ones && g.padding == zeros;
    depthwise = in_channels == 1 && out_channels == 1;
    // Whole output lines where they fit, so that runs of patches stay long.
    const int64_t fitting = std::max<int64_t>(kPatchElements / rows, 16), line = g.output[2];
    block = std::min(fitting >= line ? fitting / line * line : fitting / 16 * 16, columns);
    if (depthwise) block = columns;
  }

  int64_t in_channels, out_channels;
  int64_t taps, rows, columns;  // rows and columns of the patch matrix
  int64_t plane;                // elements of one input channel
  int64_t block;                // columns worked on at a time
  bool pointwise;               // the patch matrix is the input itself
  bool depthwise;
};

template <class T>
std::unique_ptr<T[]> scratch(int64_t count) {
  return std::unique_ptr<T[]>(new T[size_t(count)]);
}

template <class T>
void fill_planes(T* planes, int64_t count, int64_t plane, const T* values) {
  for (int64_t c = 0; c < count; ++c)
    std::fill_n(planes + c * plane, plane, values ? values[c] : T(0));
}

/// out += w * in, element by element.
template <class T>
void add_scaled(T* out, int64_t out_stride, const T* in, int64_t in_stride, T w, int64_t count) {
  if (out_stride == 1 && in_stride == 1) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) out[i] += w * in[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i * out_stride] += w * in[i * in_stride];
  }
}

/// Columns [begin, begin + count) of `rows` rows as PackedMatrix::multiply wants them: in place when
/// no vector can reach over a row's end, else copied to `buffer`. Returns where, and the row stride.
template <class T>
std::pair<const T*, int64_t> whole_vectors(const T* matrix, int64_t rows, int64_t row_stride,
                                           int64_t begin, int64_t count, T* buffer) {
  const int64_t extent = PackedMatrix<T>::row_extent(count);
  if (begin + extent <= row_stride) return {matrix + begin, row_stride};
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(matrix + r * row_stride + begin, count, buffer + r * extent);
  return {buffer, extent};
}

template <class T>
void forward_block(T* y, const T* x, const T* weight, const PackedMatrix<T>& packed, const Shape& s,
                   const ConvGeometry& g, int64_t begin, int64_t end, T* patches) {
  if (s.depthwise) {
    for_each_tap_run(g, 1, begin, end, [&](const TapRun& run) {
      add_scaled(y + begin + run.column + run.before, 1, x + run.input, g.stride[2],
                 weight[run.tap], run.count);
    });
    return;
  }
  const int64_t extent = PackedMatrix<T>::row_extent(end - begin);
  std::pair<const T*, int64_t> b = {patches, extent};
  if (s.pointwise) {
    b = whole_vectors(x, s.rows, s.columns, begin, end - begin, patches);
  } else {
    gather_patches(x, s.in_channels, g, begin, end, patches, extent);
  }
  packed.multiply(end - begin, b.first, b.second, T(1), y + begin, s.columns);
}

template <class T>
void forward(T* output, const T* input, const T* weight, const T* bias, const ConvGeometry& g) {
  Shape s(g);
  if (g.batch * g.groups < kMinTasks) s.block = std::min(s.block, ceil_div(s.columns, kMinTasks));
  const int64_t blocks = ceil_div(s.columns, s.block);
  std::vector<PackedMatrix<T>> packed;
  for (int64_t group = 0; group < g.groups; ++group)
    packed.emplace_back(false, s.out_channels, s.rows, weight + group * s.out_channels * s.rows,
                        s.rows);
  parallel_for(0, g.batch * g.groups * blocks, 1, [&](int64_t first, int64_t last) {
    const auto patches = scratch<T>(s.rows * PackedMatrix<T>::row_extent(s.block));
    for (int64_t task = first; task < last; ++task) {
      const int64_t image = task / blocks, group = image % g.groups;
      const int64_t begin = task % blocks * s.block, end = std::min(begin + s.block, s.columns);
      T* y = output + image * s.out_channels * s.columns;
      for (int64_t c = 0; c < s.out_channels; ++c) {
        const T value = bias ? bias[group * s.out_channels + c] : T(0);
        std::fill_n(y + c * s.columns + begin, end - begin, value);
      }
      forward_block(y, input + image * s.in_channels * s.plane,
                    weight + group * s.out_channels * s.rows, packed[size_t(group)], s, g, begin,
                    end, patches.get());
    }
  });
}

/// Adds to the planes of `channels` input channels; `weight` points at the first of them, and
/// `packed` holds their columns of the weight, transposed.
template <class T>
void input_grad_channels(T* grad_x, const T* grad_y, const T* weight, const PackedMatrix<T>& packed,
                         int64_t channels, const Shape& s, const ConvGeometry& g, T* patches,
                         T* buffer) {
  if (s.depthwise) {
    for_each_tap_run(g, 1, 0, s.columns, [&](const TapRun& run) {
      add_scaled(grad_x + run.input, g.stride[2], grad_y + run.column + run.before, 1,
                 weight[run.tap], run.count);
    });
    return;
  }
  for (int64_t begin = 0; begin < s.columns; begin += s.block) {
    const int64_t end = std::min(begin + s.block, s.columns), count = end - begin;
    const auto [b, ldb] = whole_vectors(grad_y, s.out_channels, s.columns, begin, count, buffer);
    if (s.pointwise) {
      packed.multiply(count, b, ldb, T(1), grad_x + begin, s.plane);
    } else {
      packed.multiply(count, b, ldb, T(0), patches, count);
      scatter_patches(patches, count, channels, g, begin, end, grad_x);
    }
  }
}

template <class T>
void input_grad(T* grad_input, const T* grad_output, const T* weight, const T* bias,
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
  parallel_for(0, images * chunks, 1, [&](int64_t first, int64_t last) {
    const int64_t extent = PackedMatrix<T>::row_extent(s.block);
    const auto patches = scratch<T>(chunk * s.taps * extent);
    const auto buffer = scratch<T>(s.out_channels * extent);
    for (int64_t task = first; task < last; ++task) {
      const int64_t image = task / chunks, group = image % g.groups;
      const int64_t begin = task % chunks * chunk, channels = channels_of(task % chunks);
      T* grad_x = grad_input + (image * s.in_channels + begin) * s.plane;
      fill_planes(grad_x, channels, s.plane, bias ? bias + group * s.in_channels + begin : nullptr);
      input_grad_channels(grad_x, grad_output + image * s.out_channels * s.columns,
                          weight + group * s.out_channels * s.rows + begin * s.taps,
                          packed[size_t(group * chunks + task % chunks)], channels, s, g,
                          patches.get(), buffer.get());
    }
  });
}

/// Adds one image's contribution to the weight columns of `channels` input channels, gathering
/// `block` columns at a time.
template <class T>
void weight_grad_image(T* grad_w, const T* grad_y, const T* x, int64_t channels, const Shape& s,
                       const ConvGeometry& g, int64_t block, T* patches) {
  for (int64_t begin = 0; begin < s.columns; begin += block) {
    const int64_t end = std::min(begin + block, s.columns), count = end - begin;
    const T* b = x + begin;
    int64_t ldb = s.plane;
    if (!s.pointwise) {
      gather_patches(x, channels, g, begin, end, patches, count);
      b = patches, ldb = count;
    }
    gemm(false, true, s.out_channels, channels * s.taps, count, T(1), grad_y + begin, s.columns, b,
         ldb, T(1), grad_w, s.rows);
  }
}

/// The same for one input and one output channel: a dot product per tap, in lanes that are added up
/// only at the end.
template <class T>
void depthwise_weight_grad_image(T* grad_w, const T* grad_y, const T* x, const Shape& s,
                                 const ConvGeometry& g, T* sums) {
  constexpr int64_t lanes = 16;
  std::fill_n(sums, s.taps * lanes, T(0));
  for_each_tap_run(g, 1, 0, s.columns, [&](const TapRun& run) {
    const T* a = grad_y + run.column + run.before;
    const T* b = x + run.input;
    T* sum = sums + run.tap * lanes;
    const int64_t stride = g.stride[2], whole = stride == 1 ? run.count / lanes * lanes : 0;
    for (int64_t i = 0; i < whole; i += lanes)
      for (int64_t j = 0; j < lanes; ++j) sum[j] += a[i + j] * b[i + j];
    for (int64_t i = whole; i < run.count; ++i) sum[i % lanes] += a[i] * b[i * stride];
  });
  for (int64_t tap = 0; tap < s.taps; ++tap)
    for (int64_t j = 0; j < lanes; ++j) grad_w[tap] += sums[tap * lanes + j];
}

/// Work is split over groups, chunks of input channels and, while the partial sums stay small,
/// chunks of images; the partial sums are then added in order.
template <class T>
void weight_grad(T* grad_weight, const T* grad_output, const T* input, const ConvGeometry& g) {
  constexpr int64_t kMaxPartial = 128 * 1024, kPatches = 32 * 1024;  // elements
  const Shape s(g);
  const int64_t numel = g.out_channels * s.rows;
  const bool split_images = numel <= kMaxPartial && g.batch * g.groups >= kMinTasks;
  const int64_t parts = split_images ? std::clamp<int64_t>(g.batch, 1, kMinTasks) : 1;
  const int64_t wanted =
      split_images || g.groups >= kMinTasks ? 1 : std::min(s.in_channels, kMinTasks);
  const int64_t chunk = ceil_div(s.in_channels, wanted), chunks = ceil_div(s.in_channels, chunk);
  const int64_t block = std::clamp<int64_t>(kPatches / (chunk * s.taps), 32, 1024);
  std::vector<T> partial(size_t(parts > 1 ? parts * numel : 0));
  std::fill_n(grad_weight, numel, T(0));
  parallel_for(0, parts * g.groups * chunks, 1, [&](int64_t first, int64_t last) {
    const auto patches = scratch<T>(chunk * s.taps * block);
    for (int64_t task = first; task < last; ++task) {
      const int64_t part = task / (g.groups * chunks), group = task / chunks % g.groups;
      const int64_t begin = task % chunks * chunk;
      T* grad_w = (parts > 1 ? partial.data() + part * numel : grad_weight) +
                  group * s.out_channels * s.rows + begin * s.taps;
      for (int64_t n = g.batch * part / parts; n < g.batch * (part + 1) / parts; ++n) {
        const int64_t image = n * g.groups + group;
        const T* grad_y = grad_output + image * s.out_channels * s.columns;
        const T* x = input + (image * s.in_channels + begin) * s.plane;
        const int64_t channels = std::min(chunk, s.in_channels - begin);
        if (s.depthwise) {
          depthwise_weight_grad_image(grad_w, grad_y, x, s, g, patches.get());
        } else {
          weight_grad_image(grad_w, grad_y, x, channels, s, g, block, patches.get());
        }
      }
    }
  });
  for (int64_t part = 0; parts > 1 && part < parts; ++part)
    for (int64_t i = 0; i < numel; ++i) grad_weight[i] += partial[size_t(part * numel + i)];
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

}  // namespace

void conv_forward(const Tensor& output, const Tensor& input, const Tensor& weight,
                  const Tensor& bias, const ConvGeometry& geometry) {
  if (output.numel() == 0) return;
  dispatch_float_double(output.dtype(), "convolution", [&]<class T>() {
    forward(output.data_ptr<T>(), input.const_data_ptr<T>(), weight.const_data_ptr<T>(),
            data_or_null<T>(bias), geometry);
  });
}

void conv_input_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& weight,
                     const Tensor& bias, const ConvGeometry& geometry) {
  if (grad_input.numel() == 0) return;
  dispatch_float_double(grad_input.dtype(), "convolution", [&]<class T>() {
    input_grad(grad_input.data_ptr<T>(), grad_output.const_data_ptr<T>(),
               weight.const_data_ptr<T>(), data_or_null<T>(bias), geometry);
  });
}

void conv_weight_grad(const Tensor& grad_weight, const Tensor& grad_output, const Tensor& input,
                      const ConvGeometry& geometry) {
  dispatch_float_double(grad_weight.dtype(), "convolution", [&]<class T>() {
    weight_grad(grad_weight.data_ptr<T>(), grad_output.const_data_ptr<T>(),
                input.const_data_ptr<T>(), geometry);
  });
}

void im2col(const Tensor& columns, const Tensor& input, const ConvGeometry& geometry) {
  dispatch_float_double(columns.dtype(), "im2col", [&]<class T>() {
    const int64_t positions = numel_of(geometry.output), plane = numel_of(geometry.input);
    const int64_t rows = numel_of(geometry.kernel);
    T* out = columns.data_ptr<T>();
    const T* in = input.const_data_ptr<T>();
    parallel_for(0, geometry.batch * geometry.in_channels, 1, [&](int64_t first, int64_t last) {
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
    parallel_for(0, geometry.batch * geometry.in_channels, 1, [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c) {
        std::fill_n(out + c * plane, plane, T(0));
        scatter_patches(in + c * rows * positions, positions, 1, geometry, 0, positions,
                        out + c * plane);
      }
    });
  });
}

}  // namespace fg::cpu
