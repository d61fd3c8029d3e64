#include "autograd/ops/pad.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/linear_map.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/pad.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;

struct ConstantPadBackward : Node {
  std::vector<int64_t> pad;

  std::string name() const override { return "ConstantPadBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    if (!grads[0].defined()) return {Tensor()};
    std::vector<int64_t> crop;
    for (int64_t amount : pad) crop.push_back(-amount);
    return {constant_pad_nd(grads[0], crop)};
  }
};

/// Extents of `input` after `pad`, whose pairs count from the last dim.
DimVector padded_sizes(const Tensor& input, IntArrayRef pad) {
  ENSURE(pad.size() % 2 == 0 && int64_t(pad.size()) <= 2 * input.dim(),
         "pad: pad must list pairs for at most the ", input.dim(), " dims of input ", input.sizes(),
         ", got ", pad);
  DimVector sizes(input.sizes().begin(), input.sizes().end());
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t& extent = sizes[sizes.size() - 1 - i];
    // Each crop alone must fit, too: what one side cuts off, the other cannot give back.
    const int64_t kept =
        extent + std::min<int64_t>(pad[2 * i], 0) + std::min<int64_t>(pad[2 * i + 1], 0);
    ENSURE(kept >= 0, "pad: pad ", pad, " crops more than there is of input ", input.sizes());
    extent += pad[2 * i] + pad[2 * i + 1];
  }
  return sizes;
}

struct RepeatPad {
  static constexpr const char* kName = "PadBackward";
  PadGeometry geometry;
  int64_t rank = 0;

  Tensor forward(const Tensor& x) const {
    const Tensor y = empty(detail::spatial_sizes_like(x, geometry.output, rank), x.options());
    ON_DEVICE(x, pad_forward, y, dense(x), geometry);
    return y;
  }
  Tensor adjoint(const Tensor& y) const {
    if (const ScalarType type = kernel_type(y); type != y.dtype())
      return adjoint(y.to(type)).to(y.dtype());
    const Tensor x = empty(detail::spatial_sizes_like(y, geometry.input, rank), y.options());
    ON_DEVICE(y, pad_grad, x, dense(y), geometry);
    return x;
  }
};

Tensor repeat_pad(const Tensor& input, IntArrayRef pad, PadMode mode) {
  const int64_t rank = int64_t(pad.size()) / 2;
  const bool is_listed =
      mode == PadMode::replicate || (mode == PadMode::reflect && rank < 3);  // in PyTorch's lists
  if (is_listed && detail::is_autocast())
    return detail::autocast_call("repeat_pad", repeat_pad, input, pad, mode);
  ENSURE(pad.size() % 2 == 0 && rank >= 1 && rank <= 3,
         "pad: pad must list pairs for 1, 2 or 3 dims (any number only in mode 'constant'), got ",
         pad);
  detail::check_spatial_input(input, rank, "pad");
  RepeatPad map;
  PadGeometry& g = map.geometry;
  map.rank = rank;
  g.mode = mode;
  g.input = detail::spatial_extents(input.sizes(), rank);
  g.output = detail::spatial_extents(padded_sizes(input, pad), rank);
  g.planes = input.numel() / numel_of(g.input);
  for (int64_t i = 0; i < rank; ++i) {
    const size_t d = size_t(2 - i);
    g.begin[d] = pad[size_t(2 * i)];
    const int64_t longest = std::max(g.begin[d], pad[size_t(2 * i + 1)]);
    ENSURE(g.output[d] > 0, "pad: pad ", pad, " leaves nothing of input ", input.sizes());
    ENSURE(mode != PadMode::reflect || longest < g.input[d], "pad: mode 'reflect' needs pad ", pad,
           " below the extents of input ", input.sizes());
    ENSURE(mode != PadMode::circular || longest <= g.input[d], "pad: mode 'circular' needs pad ",
           pad, " not above the extents of input ", input.sizes());
  }
  return detail::apply_linear_map(map, input);
}

}  // namespace

Tensor constant_pad_nd(const Tensor& input, IntArrayRef pad, const Scalar& value) {
  const profiler::RecordOp recorded("constant_pad_nd", input);
  const DimVector sizes = padded_sizes(input, pad);
  auto node = make_node<ConstantPadBackward>(input);
  const Tensor output = full(sizes, value, input.options());
  {
    NoGradGuard no_grad;
    Tensor from = input, to = output;
    for (size_t i = 0; i < pad.size() / 2; ++i) {
      const int64_t dim = input.dim() - 1 - int64_t(i), begin = pad[2 * i];
      const int64_t length =
          input.size(dim) + std::min<int64_t>(begin, 0) + std::min<int64_t>(pad[2 * i + 1], 0);
      from = from.narrow(dim, std::max<int64_t>(-begin, 0), length);
      to = to.narrow(dim, std::max<int64_t>(begin, 0), length);
    }
    to.copy_(from);
  }
  if (node) {
    node->pad = pad.vec();
    node->attach(output);
  }
  return output;
}

Tensor pad(const Tensor& input, IntArrayRef pad, std::string_view mode, const Scalar& value) {
  const profiler::RecordOp recorded("pad", input);
  if (mode == "constant") return constant_pad_nd(input, pad, value);
  if (mode == "reflect") return repeat_pad(input, pad, PadMode::reflect);
  if (mode == "replicate") return repeat_pad(input, pad, PadMode::replicate);
  if (mode == "circular") {
    // What wraps around is the input after its crops.
    std::vector<int64_t> crop, grow;
    for (int64_t amount : pad) {
      crop.push_back(std::min<int64_t>(amount, 0));
      grow.push_back(std::max<int64_t>(amount, 0));
    }
    const bool crops = std::any_of(crop.begin(), crop.end(), [](int64_t a) { return a < 0; });
    return repeat_pad(crops ? constant_pad_nd(input, crop) : input, grow, PadMode::circular);
  }
  ENSURE(false, "pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got '", mode,
         "'");
}

}  // namespace fg
