// Convolutions on the CPU. The work is register-blocked products whose left operand is read in place,
// through offsets (conv_window.h), so no patches are written out; only the input's gradient of a
// strided convolution, or of one with few input channels, goes through patches. Work is split by
// shapes alone, so results do not depend on the number of threads.

#include <vector>

#include "tensor/cpu/conv_window.h"
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/gemm_kernel.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/patches.h"

namespace fg::cpu {
namespace {

constexpr int64_t kMinTasks = 8;        // enough to share among threads evenly
constexpr int64_t kWindow = 64 * 1024;  // elements of a window's copy: leaves L2 room for the rest
constexpr int64_t kMaxOutputs = 1024;   // of a band

/// Tasks that are worth a thread's waking up, if all of them together take this many products.
int64_t grain(const ConvGeometry& g, int64_t tasks) {
  constexpr int64_t kMinProducts = 256 * 1024;
  const int64_t products =
      g.batch * numel_of(g.output) * g.out_channels * g.group_in() * numel_of(g.kernel);
  return 1 + kMinProducts * tasks / std::max<int64_t>(products, 1);
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
template <class T>
int64_t whole_vectors(int64_t count) {
  return ceil_div(count, kLanes<T>) * kLanes<T>;
}

/// One-channel groups do not fill a vector with channels.
bool is_depthwise(const ConvGeometry& g) { return g.group_in() == 1 && g.group_out() == 1; }

/// As many outputs per band as let the inputs of `channels` channels stay in the cache.
Bands bands_for(const ConvGeometry& g, int64_t channels) {
  const int64_t inputs = channels * g.kernel[0] * g.stride[1] * g.stride[2];
  return Bands(g, std::clamp<int64_t>(kWindow / inputs, 8, kMaxOutputs));
}

/// Columns [0, width) in pieces that a kernel takes, as even as they can be.
template <class T, class Body>
void for_each_panel(int64_t width, const Body& body) {
  const int64_t vectors = width / kLanes<T>, panels = ceil_div(vectors, kPanelVectors);
  for (int64_t i = 0; i < panels; ++i) {
    const int64_t begin = vectors * i / panels, end = vectors * (i + 1) / panels;
    body(begin * kLanes<T>, (end - begin) * kLanes<T>);
  }
}

/// y[channel][i] = tile[i][channel] for `count` outputs and `channels` channels.
template <class T>
void store_tile(const T* tile, int64_t width, int64_t count, int64_t channels, T* y,
                int64_t y_stride) {
  for (int64_t c = 0; c < channels; c += kTile) {
    if (count == kTile && channels - c >= kTile) {
      transpose_tile(tile + c, width, count, y + c * y_stride, y_stride);
    } else {
      for (int64_t j = c; j < std::min<int64_t>(c + kTile, channels); ++j)
        for (int64_t i = 0; i < count; ++i) y[j * y_stride + i] = tile[i * width + j];
    }
  }
}

/// One group's weight with a row per tap, which holds every output channel and then zeros; and a bias
/// row. For a depthwise convolution the rows are single numbers.
template <class T>
struct TapMajor {
  TapMajor(int64_t taps, int64_t channels, const T* bias_values, bool depthwise)
      : width(depthwise ? 1 : whole_vectors<T>(channels)),
        weight(aligned_array<T>(taps * width)),
        bias(aligned_array<T>(whole_vectors<T>(channels))) {
    std::fill_n(bias.get(), whole_vectors<T>(channels), T(0));
    if (bias_values) std::copy_n(bias_values, channels, bias.get());
  }
  /// Rows [first, first + taps) from `from`, where the channels are `stride` apart.
  void set_rows(int64_t first, int64_t taps, const T* from, int64_t stride, int64_t channels) {
    if (width == 1) {
      std::copy_n(from, taps, weight.get() + first);
    } else {
      pack_panel(from, stride, true, taps, channels, weight.get() + first * width, width);
    }
  }

  int64_t width;
  AlignedArray<T> weight, bias;
};

/// The outputs of one band: a product of the inputs, through the window, with the weight.
template <class T>
void convolve_band(T* y, const T* inputs, const ConvWindow& window, const TapMajor<T>& w,
                   int64_t out_channels, int64_t count, int64_t y_stride) {
  const int64_t taps = int64_t(window.taps().size());
  alignas(kVectorBytes) T tile[kPanelRows * kPanelColumns<T>];
  for_each_panel<T>(w.width, [&](int64_t first, int64_t width) {
    const int64_t channels = std::min(width, out_channels - first);
    for (int64_t i = 0; i < count; i += kPanelRows) {
      const int64_t rows = std::min<int64_t>(kPanelRows, count - i);
      const T* row[kPanelRows];
      for (int64_t r = 0; r < rows; ++r) row[r] = inputs + window.positions()[size_t(i + r)];
      select_gathering_kernel<T>(rows, width)(taps, row, window.taps().data(),
                                              w.weight.get() + first, w.width, w.bias.get() + first,
                                              tile);
      store_tile(tile, width, rows, channels, y + first * y_stride + i, y_stride);
    }
  });
}

/// One input and one output channel: vectors along the output line.
template <class T>
void convolve_depthwise_band(T* y, const T* inputs, const ConvWindow& window, const TapMajor<T>& w,
                             const Band& band, int64_t stride) {
  using Memory = typename Unaligned<T, kVectorBytes>::Memory;
  const size_t taps = window.taps().size();
  for (int64_t line = 0; line < band.lines; ++line) {
    const T* x = inputs + window.positions()[size_t(line * band.columns)];
    T* out = y + line * band.columns;
    int64_t i = 0;
    for (; stride == 1 && i + kLanes<T> <= band.columns; i += kLanes<T>) {
      typename Unaligned<T, kVectorBytes>::Vector sum = w.bias[0] + Memory{};
      for (size_t t = 0; t < taps; ++t)
        sum += w.weight[t] * *reinterpret_cast<const Memory*>(x + window.taps()[t] + i);
      *reinterpret_cast<Memory*>(out + i) = sum;
    }
    for (; i < band.columns; ++i) {
      T sum = w.bias[0];
      for (size_t t = 0; t < taps; ++t) sum += w.weight[t] * x[window.taps()[t] + i * stride];
      out[i] = sum;
    }
  }
}

/// output = conv(input, weight) + bias with one TapMajor per group; with a `flipped` kernel it serves
/// the input's gradient, too.
template <class T>
void convolve(T* output, const T* input, const std::vector<TapMajor<T>>& weight,
              const ConvGeometry& g, bool flipped) {
  const int64_t plane = numel_of(g.input), columns = numel_of(g.output);
  const Bands bands = bands_for(g, g.group_in());
  const ConvWindow window(g, g.group_in(), bands, flipped);
  const int64_t tasks = g.batch * g.groups * bands.count();
  parallel_for(0, tasks, grain(g, tasks), [&](int64_t first, int64_t last) {
    const auto copy = aligned_array<T>(window.scratch_size());
    for (int64_t task = first; task < last; ++task) {
      const int64_t image = task / bands.count();
      const TapMajor<T>& w = weight[size_t(image % g.groups)];
      const Band band = bands.at(task % bands.count());
      const T* inputs = window.load(input + image * g.group_in() * plane, band, copy.get());
      T* y = output + image * g.group_out() * columns +
             (band.depth * g.output[1] + band.height) * g.output[2] + band.width;
      if (is_depthwise(g)) {
        convolve_depthwise_band(y, inputs, window, w, band, g.stride[2]);
      } else {
        convolve_band(y, inputs, window, w, g.group_out(), band.count(), columns);
      }
    }
  });
}

/// A kernel of one tap that skips nothing is a matrix product as it stands: out = weight * in + bias,
/// or weight^T * in + bias.
bool is_pointwise(const ConvGeometry& g) {
  return numel_of(g.kernel) == 1 && numel_of(g.stride) == 1 && g.padding == Extents{0, 0, 0};
}
template <class T>
void multiply_pointwise(bool transposed, T* out, const T* in, const T* weight, const T* bias,
                        const ConvGeometry& g) {
  const int64_t plane = numel_of(g.output), images = g.batch * g.groups;
  const int64_t out_channels = transposed ? g.group_in() : g.group_out();
  const int64_t in_channels = transposed ? g.group_out() : g.group_in();
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const int64_t group = image % g.groups;
      T* y = out + image * out_channels * plane;
      for (int64_t c = 0; c < out_channels; ++c)
        std::fill_n(y + c * plane, plane, bias ? bias[group * out_channels + c] : T(0));
      gemm(transposed, false, out_channels, plane, in_channels, T(1),
           weight + group * g.group_out() * g.group_in(), g.group_in(),
           in + image * in_channels * plane, plane, T(1), y, plane);
    }
  };
  // A few large products share their own work among the threads.
  images >= kMinTasks ? parallel_for(0, images, grain(g, images), run) : run(0, images);
}

template <class T>
void forward(T* output, const T* input, const T* weight, const T* bias, const ConvGeometry& g) {
  if (is_pointwise(g)) return multiply_pointwise(false, output, input, weight, bias, g);
  const int64_t channels = g.group_out(), rows = g.group_in() * numel_of(g.kernel);
  std::vector<TapMajor<T>> tap_major;
  for (int64_t group = 0; group < g.groups; ++group) {
    tap_major.emplace_back(rows, channels, bias ? bias + group * channels : nullptr,
                           is_depthwise(g));
    tap_major.back().set_rows(0, rows, weight + group * channels * rows, rows, channels);
  }
  convolve(output, input, tap_major, g, false);
}

/// With stride 1 the input's gradient is the convolution of the output's gradient, padded by what the
/// kernel overhangs, with the flipped kernel and its channels exchanged.
template <class T>
void input_grad_unit_stride(T* grad_input, const T* grad_output, const T* weight, const T* bias,
                            const ConvGeometry& g) {
  ConvGeometry back = g;
  std::swap(back.in_channels, back.out_channels);
  std::swap(back.input, back.output);
  for (size_t d = 0; d < 3; ++d) back.padding[d] = g.dilation[d] * (g.kernel[d] - 1) - g.padding[d];
  const int64_t taps = numel_of(g.kernel), channels = g.group_in(), inner = g.group_out();
  std::vector<TapMajor<T>> tap_major;
  for (int64_t group = 0; group < g.groups; ++group) {
    tap_major.emplace_back(inner * taps, channels, bias ? bias + group * channels : nullptr,
                           is_depthwise(g));
    for (int64_t c = 0; c < inner; ++c)
      tap_major.back().set_rows(c * taps, taps, weight + (group * inner + c) * channels * taps,
                                taps, channels);
  }
  convolve(grad_input, grad_output, tap_major, back, true);
}

template <class T>
void input_grad(T* grad_input, const T* grad_output, const T* weight, const T* bias,
                const ConvGeometry& g) {
  if (is_pointwise(g)) return multiply_pointwise(true, grad_input, grad_output, weight, bias, g);
  // Few input channels leave most of a vector of channels empty.
  bool convolution = is_depthwise(g) || g.group_in() >= kLanes<T> / 2;
  for (size_t d = 0; d < 3; ++d)
    convolution =
        convolution && g.stride[d] == 1 && g.padding[d] <= g.dilation[d] * (g.kernel[d] - 1);
  auto* run = convolution ? &input_grad_unit_stride<T> : &input_grad_by_patches<T>;
  run(grad_input, grad_output, weight, bias, g);
}

/// grad_w[tap][channel] += what one band contributes; `grad_y` holds a row of `width` channels per
/// output.
template <class T>
void weight_grad_band(T* grad_w, const T* inputs, const ConvWindow& window, const T* grad_y,
                      int64_t width, int64_t count) {
  const int64_t taps = int64_t(window.taps().size());
  alignas(kVectorBytes) T tile[kPanelRows * kPanelColumns<T>];
  alignas(kVectorBytes) constexpr T zero[kPanelColumns<T>] = {};
  for_each_panel<T>(width, [&](int64_t first, int64_t columns) {
    for (int64_t t = 0; t < taps; t += kPanelRows) {
      const int64_t rows = std::min<int64_t>(kPanelRows, taps - t);
      const T* row[kPanelRows];
      for (int64_t r = 0; r < rows; ++r) row[r] = inputs + window.taps()[size_t(t + r)];
      select_gathering_kernel<T>(rows, columns)(count, row, window.positions().data(),
                                                grad_y + first, width, zero, tile);
      for (int64_t r = 0; r < rows; ++r) {
        T* to = grad_w + (t + r) * width + first;
        for (int64_t j = 0; j < columns; ++j) to[j] += tile[r * columns + j];
      }
    }
  });
}

/// The same for one input and one output channel: a dot product per tap along the output lines.
template <class T>
void weight_grad_depthwise_band(T* grad_w, const T* inputs, const ConvWindow& window,
                                const T* grad_y, const Band& band, int64_t stride) {
  using Memory = typename Unaligned<T, kVectorBytes>::Memory;
  for (size_t t = 0; t < window.taps().size(); ++t) {
    typename Unaligned<T, kVectorBytes>::Vector sums = {};
    T sum = 0;
    for (int64_t line = 0; line < band.lines; ++line) {
      const int64_t at = line * band.columns;
      const T* x = inputs + window.taps()[t] + window.positions()[size_t(at)];
      int64_t i = 0;
      for (; stride == 1 && i + kLanes<T> <= band.columns; i += kLanes<T>)
        sums += *reinterpret_cast<const Memory*>(grad_y + at + i) *
                *reinterpret_cast<const Memory*>(x + i);
      for (; i < band.columns; ++i) sum += grad_y[at + i] * x[i * stride];
    }
    for (int j = 0; j < kLanes<T>; ++j) sum += sums[j];
    grad_w[t] += sum;
  }
}

/// How the weight's gradient is shared out: over groups, chunks of input channels and, while the
/// partial sums stay small, parts of the batch, whose sums are then added in order.
template <class T>
struct WeightGradPlan {
  explicit WeightGradPlan(const ConvGeometry& g)
      : taps(numel_of(g.kernel)),
        rows(g.group_in() * taps),
        width(is_depthwise(g) ? 1 : whole_vectors<T>(g.group_out())) {
    constexpr int64_t kMaxPartial = 128 * 1024;  // elements
    parts = g.groups * rows * width <= kMaxPartial ? std::clamp<int64_t>(g.batch, 1, kMinTasks) : 1;
    // Each chunk lays the output's gradient out anew: only as many as give enough tasks.
    const int64_t wanted = std::min(g.group_in(), ceil_div(kMinTasks, parts * g.groups));
    chunk = ceil_div(g.group_in(), wanted);
    chunks = ceil_div(g.group_in(), chunk);
  }
  int64_t taps, rows, width;
  int64_t parts, chunk, chunks;  // of the batch; channels per chunk; chunks per group
};

template <class T>
void weight_grad(T* grad_weight, const T* grad_output, const T* input, const ConvGeometry& g) {
  const WeightGradPlan<T> plan(g);
  const int64_t plane = numel_of(g.input), columns = numel_of(g.output);
  const int64_t out_channels = g.group_out(), part_size = g.groups * plan.rows * plan.width;
  const auto sums = aligned_array<T>(plan.parts * part_size);
  std::fill_n(sums.get(), plan.parts * part_size, T(0));
  const Bands bands = bands_for(g, plan.chunk);
  const int64_t tasks = plan.parts * g.groups * plan.chunks;
  parallel_for(0, tasks, grain(g, tasks), [&](int64_t first, int64_t last) {
    const auto grad_rows = aligned_array<T>(bands.lines * bands.columns * plan.width);
    for (int64_t task = first; task < last; ++task) {
      const int64_t part = task / (g.groups * plan.chunks), group = task / plan.chunks % g.groups;
      const int64_t channel = task % plan.chunks * plan.chunk;
      const ConvWindow window(g, std::min(plan.chunk, g.group_in() - channel), bands, false);
      const auto copy = aligned_array<T>(window.scratch_size());
      T* grad_w =
          sums.get() + part * part_size + (group * plan.rows + channel * plan.taps) * plan.width;
      const int64_t last_image = g.batch * (part + 1) / plan.parts;
      for (int64_t n = g.batch * part / plan.parts; n < last_image; ++n) {
        const T* x = input + ((n * g.groups + group) * g.group_in() + channel) * plane;
        for (int64_t i = 0; i < bands.count(); ++i) {
          const Band band = bands.at(i);
          const T* inputs = window.load(x, band, copy.get());
          const T* grad_y = grad_output + (n * g.groups + group) * out_channels * columns +
                            (band.depth * g.output[1] + band.height) * g.output[2] + band.width;
          if (is_depthwise(g)) {
            weight_grad_depthwise_band(grad_w, inputs, window, grad_y, band, g.stride[2]);
          } else {
            pack_panel(grad_y, columns, true, band.count(), out_channels, grad_rows.get(),
                       plan.width);
            weight_grad_band(grad_w, inputs, window, grad_rows.get(), plan.width, band.count());
          }
        }
      }
    }
  });
  parallel_for(0, g.groups * ceil_div(plan.rows, kTile), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i / ceil_div(plan.rows, kTile);
      const int64_t row = i % ceil_div(plan.rows, kTile) * kTile;
      const int64_t count = std::min<int64_t>(kTile, plan.rows - row);
      T* total = sums.get() + (group * plan.rows + row) * plan.width;
      for (int64_t part = 1; part < plan.parts; ++part)
        for (int64_t j = 0; j < count * plan.width; ++j) total[j] += total[part * part_size + j];
      store_tile(total, plan.width, count, out_channels,
                 grad_weight + group * out_channels * plan.rows + row, plan.rows);
    }
  });
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

}  // namespace fg::cpu
