// Fills an Options struct from PyTorch's keyword arguments, whichever of them it has.
#pragma once

#include "nn/enum.h"
#include "nn/expanding_array.h"
#include "nn/options/conv.h"
#include "tests/fixture_layers.h"

namespace fg::test {

template <size_t D>
ExpandingArray<D> array_of(const Arguments& a, const std::string& name) {
  const std::vector<int64_t> values = a.integers(name);
  return values.size() == 1 ? ExpandingArray<D>(values[0]) : ExpandingArray<D>(values);
}

/// A convolution's padding: numbers, "same" or "valid".
template <size_t D>
nn::ConvPadding<D> conv_padding_of(const Arguments& a) {
  if (!a.json("padding").is_string()) return array_of<D>(a, "padding");
  if (a.text("padding") == "same") return kSame;
  return kValid;
}

template <class Options>
void fill_choices(Options& o, const Arguments& a) {
  if constexpr (requires { o.reduction(kMean); }) {
    const std::string reduction = a.text("reduction", "mean");
    if (reduction == "sum") o.reduction(kSum);
    if (reduction == "none") o.reduction(kNone);
    if constexpr (requires { o.reduction(kBatchMean); })
      if (reduction == "batchmean") o.reduction(kBatchMean);
  }
  if constexpr (requires { o.padding_mode(kZeros); }) {
    const std::string mode = a.text("padding_mode", "zeros");
    if (mode == "reflect") o.padding_mode(kReflect);
    if (mode == "replicate") o.padding_mode(kReplicate);
    if (mode == "circular") o.padding_mode(kCircular);
  }
}

/// Sets what `a` names; D is the number of spatial dims of a convolution or pool.
template <size_t D, class Options>
Options filled(Options o, const Arguments& a, const StateDict& tensors = {}) {
#define X(name, value)                       \
  if constexpr (requires { o.name(value); }) \
    if (a.has(#name)) o.name(value);
  // Read as the type that the option of this name has wherever it occurs.
  X(bias, a.flag("bias"))
  X(affine, a.flag("affine"))
  X(track_running_stats, a.flag("track_running_stats"))
  X(elementwise_affine, a.flag("elementwise_affine"))
  X(ceil_mode, a.flag("ceil_mode"))
  X(count_include_pad, a.flag("count_include_pad"))
  X(scale_grad_by_freq, a.flag("scale_grad_by_freq"))
  X(log_target, a.flag("log_target"))
  X(log_input, a.flag("log_input"))
  X(full, a.flag("full"))
  X(swap, a.flag("swap"))
  X(keepdim, a.flag("keepdim"))
  X(batch_first, a.flag("batch_first"))
  X(bidirectional, a.flag("bidirectional"))
  X(num_layers, a.integer("num_layers"))
  X(proj_size, a.integer("proj_size"))
  X(groups, a.integer("groups"))
  X(divisor_override, a.integer("divisor_override"))
  X(padding_idx, a.integer("padding_idx"))
  X(ignore_index, a.integer("ignore_index"))
  X(num_parameters, a.integer("num_parameters"))
  X(start_dim, a.integer("start_dim"))
  X(end_dim, a.integer("end_dim"))
  X(dim, a.integer("dim"))
  X(eps, a.number("eps"))
  X(momentum, a.number("momentum"))
  X(max_norm, a.number("max_norm"))
  X(alpha, a.number("alpha"))
  X(beta, a.number("beta"))
  X(delta, a.number("delta"))
  X(k, a.number("k"))
  X(p, a.number("p"))
  X(margin, a.number("margin"))
  X(threshold, a.number("threshold"))
  X(min_val, a.number("min_val"))
  X(max_val, a.number("max_val"))
  X(negative_slope, a.number("negative_slope"))
  X(label_smoothing, a.number("label_smoothing"))
  X(approximate, a.text("approximate"))
  if constexpr (D > 0) {
    X(stride, array_of<D>(a, "stride"))
    X(dilation, array_of<D>(a, "dilation"))
    X(output_padding, array_of<D>(a, "output_padding"))
    if constexpr (std::is_same_v<Options, nn::ConvOptions<D>>) {
      X(padding, conv_padding_of<D>(a))
    } else {
      X(padding, array_of<D>(a, "padding"))
    }
  }
#undef X
  if constexpr (requires { o.momentum(nullopt); })
    if (a.is_none("momentum")) o.momentum(nullopt);
  if constexpr (requires { o.weight(Tensor()); })
    if (tensors.contains("weight")) o.weight(tensors["weight"]);
  if constexpr (requires { o.pos_weight(Tensor()); })
    if (tensors.contains("pos_weight")) o.pos_weight(tensors["pos_weight"]);
  fill_choices(o, a);
  return o;
}

/// Calls a module with as many tensors as the case has inputs.
template <class Holder>
Tensors call_module(Holder& module, const Tensors& t) {
  if constexpr (std::is_invocable_v<Holder&, Tensor>)
    if (t.size() == 1) return {module(t[0])};
  if constexpr (std::is_invocable_v<Holder&, Tensor, Tensor>)
    if (t.size() == 2) return {module(t[0], t[1])};
  if constexpr (std::is_invocable_v<Holder&, Tensor, Tensor, Tensor>)
    if (t.size() == 3) return {module(t[0], t[1], t[2])};
  throw std::invalid_argument("module does not take " + std::to_string(t.size()) + " tensors");
}

template <class Holder>
Layer layer_of(Holder module) {
  return {module.ptr(), [module](const Tensors& t) mutable { return call_module(module, t); }};
}

}  // namespace fg::test
