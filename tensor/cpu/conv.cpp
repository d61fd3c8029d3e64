// Convolutions on the CPU. The work is register-blocked products whose left operand is read in place,
// through offsets (conv_window.h), so no patches are written out; only the input's gradient of a
// strided convolution, or of one with few input channels, goes through patches. The order of sums is
// a matter of shapes alone, so results do not depend on the number of threads. The weight's gradient is
// in conv_weight_grad.cpp.

#include <vector>

#include "tensor/cpu/conv_panels.h"
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/patches.h"

namespace fg::cpu {
namespace {

/// One group's weight, panel after panel of output channels: a panel has a row per tap, which ends in
/// zeros where channels do. And a bias row. For a depthwise convolution the rows are single numbers.
template <class T>
struct TapMajor {
  TapMajor(int64_t taps, int64_t channels, const T* bias_values, bool depthwise)
      : taps(taps),
        width(depthwise ? 1 : whole_vectors<T>(channels)),
        weight(aligned_array<T>(taps * width)),
        bias(aligned_array<T>(whole_vectors<T>(channels))) {
    std::fill_n(bias.get(), whole_vectors<T>(channels), T(0));
    if (bias_values) std::copy_n(bias_values, channels, bias.get());
  }
  const T* panel(int64_t first_channel) const { return weight.get() + first_channel * taps; }
  /// Rows [first, first + count) from `from`, where the channels are `stride` apart.
  void set_rows(int64_t first, int64_t count, const T* from, int64_t stride, int64_t channels) {
    if (width == 1) {
      std::copy_n(from, count, weight.get() + first);
      return;
    }
    for_each_panel<T>(width, [&](int64_t channel, int64_t columns) {
      pack_panel(from + channel * stride, stride, true, count,
                 std::min(columns, channels - channel),
                 weight.get() + channel * taps + first * columns, columns);
    });
  }

  int64_t taps, width;
  AlignedArray<T> weight, bias;
};

/// Where the outputs of a band go, of several images.
template <class T>
struct BandOutputs {
  T* data;
  int64_t channels, channel_stride;
  int64_t count;  // of a channel of an image, consecutive
  int64_t images, image_stride;

  int64_t tiles() const { return images * ceil_div(count, kPanelRows); }
};

// Rows of a panel of weights that stay in the second-level cache while all tiles of outputs meet them.
constexpr int64_t kTapBlock = 1024;
template <class T>
constexpr int64_t kTileSize = kPanelRows* kPanelColumns<T>;

/// The outputs of one band: a product of the inputs, through the window, with the weight. `tiles` holds
/// y.tiles() tiles.
template <class T>
void convolve_band(const BandOutputs<T>& y, const T* inputs, const ConvWindow& window,
                   const TapMajor<T>& w, T* tiles) {
  const int64_t blocks = std::max<int64_t>(ceil_div(w.taps, kTapBlock), 1);
  for_each_panel<T>(w.width, [&](int64_t channel, int64_t width) {
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t tap = w.taps * block / blocks, end = w.taps * (block + 1) / blocks;
      const T* const panel = w.panel(channel) + tap * width;
      for (int64_t unit = 0; unit < y.tiles(); ++unit) {
        const int64_t image = unit / ceil_div(y.count, kPanelRows);
        const int64_t at = unit % ceil_div(y.count, kPanelRows) * kPanelRows;
        const int64_t rows = std::min<int64_t>(kPanelRows, y.count - at);
        const int64_t* const position = window.positions().data() + image * y.count + at;
        const T* row[kPanelRows];
        for (int64_t r = 0; r < rows; ++r) row[r] = inputs + position[r];
        T* const tile = tiles + (blocks > 1 ? unit * kTileSize<T> : 0);
        const T* const start = block == 0 ? w.bias.get() + channel : tile;
        select_gathering_kernel<T>(rows, width)(end - tap, row, window.taps().data() + tap, panel,
                                                width, start, block == 0 ? 0 : width, tile);
        if (block + 1 < blocks) continue;
        store_tile(tile, width, rows, std::min(width, y.channels - channel),
                   y.data + image * y.image_stride + channel * y.channel_stride + at,
                   y.channel_stride);
      }
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
  // As many units for one thread as for the other.
  const int64_t most = images_at_once(g, g.group_in(), bands, g.batch), threads = get_num_threads();
  const int64_t units = std::min(ceil_div(ceil_div(g.batch, most), threads) * threads, g.batch);
  const int64_t images = ceil_div(g.batch, units);
  const ConvWindow window(g, g.group_in(), bands, flipped, images);
  const int64_t tasks = units * g.groups * bands.count();
  parallel_for(0, tasks, grain(g, tasks), [&](int64_t begin, int64_t end) {
    const auto copy = aligned_array<T>(window.scratch_size());
    const int64_t max_count = images * ceil_div(bands.lines * bands.columns, kPanelRows);
    const auto tiles = aligned_array<T>(max_count * kTileSize<T>);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t unit = task / bands.count() / g.groups, first = g.batch * unit / units;
      const int64_t group = task / bands.count() % g.groups, part = first * g.groups + group;
      const int64_t count = g.batch * (unit + 1) / units - first;
      const Band band = bands.at(task % bands.count());
      const T* inputs = window.load(input + part * g.group_in() * plane, band, count, copy.get());
      const BandOutputs<T> y = {output + part * g.group_out() * columns +
                                    (band.depth * g.output[1] + band.height) * g.output[2] +
                                    band.width,
                                g.group_out(),
                                columns,
                                band.count(),
                                count,
                                g.out_channels * columns};
      if (is_depthwise(g)) {
        convolve_depthwise_band(y.data, inputs, window, weight[size_t(group)], band, g.stride[2]);
      } else {
        convolve_band(y, inputs, window, weight[size_t(group)], tiles.get());
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
    const T* const from = weight + group * channels * rows;
    constexpr int64_t kRows = 64;
    parallel_for(0, ceil_div(rows, kRows), 1 + kGrain / (kRows * channels),
                 [&](int64_t begin, int64_t end) {
                   const int64_t first = begin * kRows, last = std::min(end * kRows, rows);
                   tap_major.back().set_rows(first, last - first, from + first, rows, channels);
                 });
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
    parallel_for(0, inner, 1 + kGrain / (taps * channels), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c)
        tap_major.back().set_rows(c * taps, taps, weight + (group * inner + c) * channels * taps,
                                  taps, channels);
    });
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

}  // namespace fg::cpu
