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
    const int64_t wanted = std::min(g.group_in(), ceil_div(kMinTasks, parts * g.groups));
    chunk = ceil_div(g.group_in(), wanted);
    chunks = ceil_div(g.group_in(), chunk);
  }
  // A task is a chunk of channels of a group, for a part of the batch.
  int64_t first_channel(int64_t task) const { return task % chunks * chunk; }
  int64_t channels(int64_t task, const ConvGeometry& g) const {
    return std::min(chunk, g.group_in() - first_channel(task));
  }
  /// Where in the sums of all parts, each [group][row][width], its rows are.
  T* rows_of(int64_t task, T* sums) const {
    return sums + (task / chunks * rows + first_channel(task) * taps) * width;
  }

  int64_t taps, rows, width;
  int64_t parts, chunk, chunks;  // of the batch; channels per chunk; chunks per group
};

/// Tasks [begin, end), all of one group and part of the batch, add to their rows of the `sums` of that part. They
/// share the output's gradient as it is laid out for them.
template <class T>
void weight_grad_chunks(T* sums, const T* grad_output, const T* input, const ConvGeometry& g,
                        const WeightGradPlan<T>& plan, int64_t begin, int64_t end) {
  const int64_t plane = numel_of(g.input), columns = numel_of(g.output);
  const int64_t part = begin / plan.chunks / g.groups, group = begin / plan.chunks % g.groups;
  const Bands bands = bands_for(g, plan.chunk);
  const int64_t images = images_at_once(g, plan.chunk, bands, ceil_div(g.batch, plan.parts));
  const auto grad_rows = aligned_array<T>(images * bands.lines * bands.columns * plan.width);
  std::vector<ConvWindow> windows;
  for (int64_t task = begin; task < end; ++task) {
    const int64_t channels = plan.channels(task, g);
    windows.emplace_back(g, channels, bands, false, images);
    std::fill_n(plan.rows_of(task, sums), channels * plan.taps * plan.width, T(0));
  }
  const auto copy = aligned_array<T>(windows[0].scratch_size());
  const int64_t last_image = g.batch * (part + 1) / plan.parts;
  for (int64_t n = g.batch * part / plan.parts; n < last_image; n += images) {
    const int64_t count = std::min(images, last_image - n), at = n * g.groups + group;
    for (int64_t i = 0; i < bands.count(); ++i) {
      const Band band = bands.at(i);
      const T* grad_y = grad_output + at * g.group_out() * columns +
                        (band.depth * g.output[1] + band.height) * g.output[2] + band.width;
      if (!is_depthwise(g)) pack_grad(grad_y, g, count, band.count(), plan.width, grad_rows.get());
      for (int64_t task = begin; task < end; ++task) {
        const ConvWindow& window = windows[size_t(task - begin)];
        const T* x = input + (at * g.group_in() + plan.first_channel(task)) * plane;
        const T* inputs = window.load(x, band, count, copy.get());
        T* const grad_w = plan.rows_of(task, sums);
        if (is_depthwise(g)) {
          weight_grad_depthwise_band(grad_w, inputs, window, grad_y, band, g.stride[2]);
        } else {
          weight_grad_band(grad_w, inputs, window, grad_rows.get(), plan.width,
                           count * band.count());
        }
      }
    }
  }
}

template <class T>
void weight_grad(T* grad_weight, const T* grad_output, const T* input, const ConvGeometry& g) {
  const WeightGradPlan<T> plan(g);
  const int64_t out_channels = g.group_out(), part_size = g.groups * plan.rows * plan.width;
  const auto sums = aligned_array<T>(plan.parts * part_size);
  const int64_t tasks = plan.parts * g.groups * plan.chunks;
  parallel_for(0, tasks, grain(g, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end;) {
      const int64_t last = std::min((first / plan.chunks + 1) * plan.chunks, end);
      weight_grad_chunks(sums.get(), grad_output, input, g, plan, first, last);
      first = last;
    }
  });
  const int64_t tile_grain = 1 + kGrain / (kTile * plan.width * plan.parts);
  parallel_for(0, g.groups * ceil_div(plan.rows, kTile), tile_grain,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t group = i / ceil_div(plan.rows, kTile);
                   const int64_t row = i % ceil_div(plan.rows, kTile) * kTile;
                   const int64_t count = std::min<int64_t>(kTile, plan.rows - row);
                   T* total = sums.get() + (group * plan.rows + row) * plan.width;
                   for (int64_t part = 1; part < plan.parts; ++part)
                     for (int64_t j = 0; j < count * plan.width; ++j)
                       total[j] += total[part * part_size + j];
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
