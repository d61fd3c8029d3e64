// The weight's gradient of a convolution: products of the inputs, read in place through a window
// (conv_window.h), with the output's gradient.

#include "tensor/cpu/conv_panels.h"

namespace fg::cpu {
namespace {

/// grad_w[tap][channel] += what `count` outputs contribute; `grad_y` holds, panel after panel of channels, a
/// row per output.
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
                                                grad_y + first * count, columns, zero, 0, tile);
      for (int64_t r = 0; r < rows; ++r) {
        T* to = grad_w + (t + r) * width + first;
        for (int64_t j = 0; j < columns; ++j) to[j] += tile[r * columns + j];
      }
    }
  });
}

/// The output's gradient of `count` outputs of `images` images, laid out as weight_grad_band reads it.
template <class T>
void pack_grad(const T* grad_output, const ConvGeometry& g, int64_t images, int64_t count,
               int64_t width, T* grad_rows) {
  const int64_t columns = numel_of(g.output);
  for_each_panel<T>(width, [&](int64_t first, int64_t panel_width) {
    for (int64_t image = 0; image < images; ++image) {
      pack_panel(grad_output + (image * g.out_channels + first) * columns, columns, true, count,
                 std::min(panel_width, g.group_out() - first),
                 grad_rows + (first * images + image * panel_width) * count, panel_width);
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
    // Each chunk lays the output's gradient out anew: only as many as give each thread one. They show in no result.
    const int64_t wanted = std::min(g.group_in(), ceil_div(get_num_threads(), parts * g.groups));
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
  const int64_t images = images_at_once(g, plan.chunk, bands, ceil_div(g.batch, plan.parts));
  const int64_t tasks = plan.parts * g.groups * plan.chunks;
  parallel_for(0, tasks, grain(g, tasks), [&](int64_t begin, int64_t end) {
    const auto grad_rows = aligned_array<T>(images * bands.lines * bands.columns * plan.width);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task / (g.groups * plan.chunks), group = task / plan.chunks % g.groups;
      const int64_t channel = task % plan.chunks * plan.chunk;
      const int64_t channels = std::min(plan.chunk, g.group_in() - channel);
      const ConvWindow window(g, channels, bands, false, images);
      const auto copy = aligned_array<T>(window.scratch_size());
      T* grad_w =
          sums.get() + part * part_size + (group * plan.rows + channel * plan.taps) * plan.width;
      const int64_t last_image = g.batch * (part + 1) / plan.parts;
      for (int64_t n = g.batch * part / plan.parts; n < last_image; n += images) {
        const int64_t count = std::min(images, last_image - n);
        const T* x = input + ((n * g.groups + group) * g.group_in() + channel) * plane;
        for (int64_t i = 0; i < bands.count(); ++i) {
          const Band band = bands.at(i);
          const T* inputs = window.load(x, band, count, copy.get());
          const T* grad_y = grad_output + (n * g.groups + group) * out_channels * columns +
                            (band.depth * g.output[1] + band.height) * g.output[2] + band.width;
          if (is_depthwise(g)) {
            weight_grad_depthwise_band(grad_w, inputs, window, grad_y, band, g.stride[2]);
          } else {
            pack_grad(grad_y, g, count, band.count(), plan.width, grad_rows.get());
            weight_grad_band(grad_w, inputs, window, grad_rows.get(), plan.width,
                             count * band.count());
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

}  // namespace

void conv_weight_grad(const Tensor& grad_weight, const Tensor& grad_output, const Tensor& input,
                      const ConvGeometry& geometry) {
  dispatch_float_double(grad_weight.dtype(), "convolution", [&]<class T>() {
    weight_grad(grad_weight.data_ptr<T>(), grad_output.const_data_ptr<T>(),
                input.const_data_ptr<T>(), geometry);
  });
}

}  // namespace fg::cpu
