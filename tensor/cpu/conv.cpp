// Convolutions on the CPU: patches gathered in blocks that stay in the cache, and matrix products
// over them. Work is split by shapes alone, so results do not depend on the number of threads.

#include <memory>
#include <vector>

#include "tensor/cpu/gemm.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/patches.h"

namespace fg::cpu {
namespace {

constexpr int64_t kBlockBytes = 256 * 1024;  // a block of patches; leaves L2 room for the rest
constexpr int64_t kMinTasks = 8;             // enough to share among threads evenly

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Sizes of one image and one group.
template <class T>
struct Shape {
  explicit Shape(const ConvGeometry& g)
      : in_channels(g.group_in()),
        out_channels(g.group_out()),
        taps(numel_of(g.kernel)),
        rows(in_channels * taps),
        columns(numel_of(g.output)),
        plane(numel_of(g.input)) {
    block = std::clamp<int64_t>(kBlockBytes / int64_t(sizeof(T)) / std::max<int64_t>(rows, 1), 16,
                                std::max<int64_t>(columns, 16));
    const Extents ones = {1, 1, 1}, zeros = {0, 0, 0};
    pointwise = g.kernel == ones && g.stride == ones && g.padding == zeros;
    depthwise = in_channels == 1 && out_channels == 1;
  }

  int64_t in_channels, out_channels;
  int64_t taps, rows, columns;  // rows and columns of the patch matrix
  int64_t plane;                // elements of one input channel
  int64_t block;                // columns gathered at a time
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

template <class T>
void forward_block(T* y, const T* x, const T* weight, const Shape<T>& s, const ConvGeometry& g,
                   int64_t begin, int64_t end, T* patches) {
  const int64_t count = end - begin;
  if (s.depthwise) {
    for_each_tap_run(g, 1, begin, end, [&](const TapRun& run) {
      const T w = weight[run.tap];
      const T* in = x + run.input;
      T* out = y + begin + run.column + run.before;
      for (int64_t i = 0; i < run.count; ++i) out[i] += w * in[i * g.stride[2]];
    });
    return;
  }
  const T* b = x + begin;
  int64_t ldb = s.columns;
  if (!s.pointwise) {
    gather_patches(x, s.in_channels, g, begin, end, patches);
    b = patches, ldb = count;
  }
  gemm(false, false, s.out_channels, count, s.rows, T(1), weight, s.rows, b, ldb, T(1), y + begin,
       s.columns);
}

template <class T>
void forward(T* output, const T* input, const T* weight, const T* bias, const ConvGeometry& g) {
  Shape<T> s(g);
  const int64_t images = g.batch * g.groups;
  if (images < kMinTasks) s.block = std::min(s.block, ceil_div(s.columns, kMinTasks));
  const int64_t blocks = ceil_div(s.columns, s.block);
  parallel_for(0, images * blocks, 1, [&](int64_t first, int64_t last) {
    const auto patches = scratch<T>(s.rows * s.block);
    for (int64_t task = first; task < last; ++task) {
      const int64_t image = task / blocks, group = image % g.groups;
      const int64_t begin = task % blocks * s.block, end = std::min(begin + s.block, s.columns);
      T* y = output + image * s.out_channels * s.columns;
      for (int64_t c = 0; c < s.out_channels; ++c) {
        const T value = bias ? bias[group * s.out_channels + c] : T(0);
        std::fill_n(y + c * s.columns + begin, end - begin, value);
      }
      forward_block(y, input + image * s.in_channels * s.plane,
                    weight + group * s.out_channels * s.rows, s, g, begin, end, patches.get());
    }
  });
}

/// Adds to the planes of `channels` input channels; `weight` points at the first of them.
template <class T>
void input_grad_channels(T* grad_x, const T* grad_y, const T* weight, int64_t channels,
                         const Shape<T>& s, const ConvGeometry& g, T* patches) {
  if (s.depthwise) {
    for_each_tap_run(g, 1, 0, s.columns, [&](const TapRun& run) {
      const T w = weight[run.tap];
      const T* in = grad_y + run.column + run.before;
      T* out = grad_x + run.input;
      for (int64_t i = 0; i < run.count; ++i) out[i * g.stride[2]] += w * in[i];
    });
    return;
  }
  for (int64_t begin = 0; begin < s.columns; begin += s.block) {
    const int64_t end = std::min(begin + s.block, s.columns), count = end - begin;
    T* target = s.pointwise ? grad_x + begin : patches;
    gemm(true, false, channels * s.taps, count, s.out_channels, T(1), weight, s.rows,
         grad_y + begin, s.columns, s.pointwise ? T(1) : T(0), target,
         s.pointwise ? s.plane : count);
    if (!s.pointwise) scatter_patches(patches, channels, g, begin, end, grad_x);
  }
}

template <class T>
void input_grad(T* grad_input, const T* grad_output, const T* weight, const T* bias,
                const ConvGeometry& g) {
  const Shape<T> s(g);
  const int64_t images = g.batch * g.groups;
  const int64_t chunks = images >= kMinTasks ? 1 : std::clamp<int64_t>(s.in_channels, 1, kMinTasks);
  const int64_t chunk = std::max<int64_t>(ceil_div(s.in_channels, chunks), 1);
  parallel_for(0, images * chunks, 1, [&](int64_t first, int64_t last) {
    const auto patches = scratch<T>(chunk * s.taps * s.block);
    for (int64_t task = first; task < last; ++task) {
      const int64_t image = task / chunks, group = image % g.groups;
      const int64_t begin = std::min(task % chunks * chunk, s.in_channels);
      const int64_t channels = std::min(chunk, s.in_channels - begin);
      T* grad_x = grad_input + (image * s.in_channels + begin) * s.plane;
      fill_planes(grad_x, channels, s.plane, bias ? bias + group * s.in_channels + begin : nullptr);
      input_grad_channels(grad_x, grad_output + image * s.out_channels * s.columns,
                          weight + group * s.out_channels * s.rows + begin * s.taps, channels, s, g,
                          patches.get());
    }
  });
}

/// Adds one image's contribution to the weight columns of `channels` input channels.
template <class T>
void weight_grad_image(T* grad_w, const T* grad_y, const T* x, int64_t channels, const Shape<T>& s,
                       const ConvGeometry& g, T* patches) {
  if (s.depthwise) {
    for_each_tap_run(g, 1, 0, s.columns, [&](const TapRun& run) {
      const T* a = grad_y + run.column + run.before;
      const T* b = x + run.input;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < run.count; ++i) sum += a[i] * b[i * g.stride[2]];
      grad_w[run.tap] += sum;
    });
    return;
  }
  for (int64_t begin = 0; begin < s.columns; begin += s.block) {
    const int64_t end = std::min(begin + s.block, s.columns), count = end - begin;
    const T* b = x + begin;
    int64_t ldb = s.plane;
    if (!s.pointwise) {
      gather_patches(x, channels, g, begin, end, patches);
      b = patches, ldb = count;
    }
    gemm(false, true, s.out_channels, channels * s.taps, count, T(1), grad_y + begin, s.columns, b,
         ldb, T(1), grad_w, s.rows);
  }
}

/// Work is split over groups, chunks of input channels and, while the partial sums stay small,
/// chunks of images; the partial sums are then added in order.
template <class T>
void weight_grad(T* grad_weight, const T* grad_output, const T* input, const ConvGeometry& g) {
  constexpr int64_t kMaxPartial = 128 * 1024;  // elements
  const Shape<T> s(g);
  const int64_t numel = g.out_channels * s.rows;
  const bool split_images = numel <= kMaxPartial && g.batch * g.groups >= kMinTasks;
  const int64_t parts = split_images ? std::clamp<int64_t>(g.batch, 1, kMinTasks) : 1;
  const int64_t chunks =
      split_images || g.groups >= kMinTasks ? 1 : std::clamp<int64_t>(s.in_channels, 1, kMinTasks);
  const int64_t chunk = std::max<int64_t>(ceil_div(s.in_channels, chunks), 1);
  std::vector<T> partial(size_t(parts > 1 ? parts * numel : 0));
  std::fill_n(grad_weight, numel, T(0));
  parallel_for(0, parts * g.groups * chunks, 1, [&](int64_t first, int64_t last) {
    const auto patches = scratch<T>(chunk * s.taps * s.block);
    for (int64_t task = first; task < last; ++task) {
      const int64_t part = task / (g.groups * chunks), group = task / chunks % g.groups;
      const int64_t begin = std::min(task % chunks * chunk, s.in_channels);
      const int64_t channels = std::min(chunk, s.in_channels - begin);
      T* grad_w = (parts > 1 ? partial.data() + part * numel : grad_weight) +
                  group * s.out_channels * s.rows + begin * s.taps;
      for (int64_t n = g.batch * part / parts; n < g.batch * (part + 1) / parts; ++n) {
        const int64_t image = n * g.groups + group;
        weight_grad_image(grad_w, grad_output + image * s.out_channels * s.columns,
                          input + (image * s.in_channels + begin) * s.plane, channels, s, g,
                          patches.get());
      }
    }
  });
  for (int64_t part = 0; parts > 1 && part < parts; ++part)
    for (int64_t i = 0; i < numel; ++i) grad_weight[i] += partial[part * numel + i];
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
        gather_patches(in + c * plane, 1, geometry, 0, positions, out + c * rows * positions);
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
        scatter_patches(in + c * rows * positions, 1, geometry, 0, positions, out + c * plane);
      }
    });
  });
}

}  // namespace fg::cpu
