// Fused stages as ops: a producer (tensor/kernels/stage.h) and its tail are one node of the tape, which saves the
// inputs and the pre-activation and computes the tail again in backward. A new one takes its composed form
// and its shapes from the two parts, so that it is a few lines (stages.cpp):
//
//   using LinearGelu = FusedStage<stage::Linear, stage::Pointwise<Chain<Gelu>>>;
//   Tensor y = LinearGelu::apply("linear_gelu", {}, {}, {x, weight, bias}, {});
//
// Include it where the stage is used; its CPU kernels are instantiated there. x decides in which dtype the stage
// computes; where it is 16-bit, parameters may be Float (autocast): weights are rounded on the way in, the result is
// Float where autocast's would be (detail::result_type), and gradients of parameters are summed and handed back in Float.
#pragma once

#include "autograd/cast_cache.h"
#include "autograd/composed.h"
#include "autograd/fused/kept_pre_activation.h"
#include "autograd/fused/stage_forms.h"
#include "tensor/cpu/stage.h"
#include "tensor/kernels/builtin_stages.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {

namespace detail {

/// What a parameter's gradient is computed in: its own dtype if that is what x is computed in, else as x's.
inline ScalarType gradient_type(const Tensor& parameter, const Tensor& x) {
  const ScalarType wide = compute_type(x.dtype());
  return parameter.dtype() == wide ? wide : kernel_type(x);
}

/// x or a parameter as kernels read it, in x's dtype.
inline Tensor stage_input(const Tensor& t, const Tensor& x) {
  if (!t.defined()) return t;
  return autocast::cached_cast(x.dtype(), t).to(kernel_type(x)).contiguous();
}
inline std::vector<Tensor> stage_operands(const std::vector<Tensor>& operands, const Tensor& x) {
  std::vector<Tensor> result;
  for (const Tensor& t : operands)
    result.push_back(t.defined() ? t.detach().to(compute_type(x.dtype())).contiguous().flatten()
                                 : t);
  return result;
}

template <class Producer, class Tail>
void run_stage_forward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  if constexpr (has_cuda_stage<Producer, Tail>) {
    const cuda::DeviceGuard guard(t.y.device());
    if (t.y.is_cuda()) return cuda::stage_forward(t, producer, tail);
  }
  cpu::stage_forward(t, producer, tail);
}
template <class Producer, class Tail>
void run_stage_backward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  if constexpr (has_cuda_stage<Producer, Tail>) {
    const cuda::DeviceGuard guard(t.grad_y.device());
    if (t.grad_y.is_cuda()) return cuda::stage_backward(t, producer, tail);
  }
  cpu::stage_backward(t, producer, tail);
}

}  // namespace detail

template <class Producer, class Tail>
struct StageBackward : Node, PreActivationKeeper {
  std::string op;
  Producer producer{};
  Tail tail{};
  Saved z{this};
  std::vector<std::unique_ptr<Saved>> inputs, operands, statistics;

  std::string name() const override { return op; }
  Tensor kept_pre_activation() const override {
    if (z.defined()) return z.unpack();
    if (statistics.empty() || !statistics[0]->defined()) return {};
    const Tensor first = statistics[0]->unpack();  // at the maxima, if it has y's shape
    return first.sizes() == IntArrayRef(outputs()[0].sizes) ? first : Tensor();
  }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const std::vector<Tensor> in = unpack(inputs), c = unpack(operands);
    if (GradMode::is_enabled()) {
      std::vector<Tensor> all = in;
      all.insert(all.end(), c.begin(), c.end());
      const auto forward = [&](const std::vector<Tensor>& v) {
        const auto middle = v.begin() + int64_t(in.size());
        return detail::composed_stage(producer, tail, {v.begin(), middle}, {middle, v.end()});
      };
      return differentiate(*this, forward, all, grads[0]);
    }
    StageTensors t;
    t.inputs = backward_inputs(in);
    t.operands = detail::stage_operands(c, in[0]);
    t.z = z.defined() ? z.unpack() : Tensor();
    t.statistics = unpack(statistics);
    t.grad_y = (in[0].is_cuda() ? grads[0] : grads[0].to(kernel_type(in[0]))).contiguous();
    for (size_t i = 0; i < in.size(); ++i)
      t.grad_inputs.push_back(needs(i) ? gradient_of(in[i], detail::gradient_type(in[i], in[0]))
                                       : Tensor());
    for (size_t i = 0; i < c.size(); ++i)
      t.grad_operands.push_back(
          needs(in.size() + i) ? gradient_of(c[i], compute_type(in[0].dtype())) : Tensor());
    // The terms of a sum have one gradient.
    if (Producer::num_batched == 2 && needs(0) && needs(1)) t.grad_inputs[1] = t.grad_inputs[0];
    detail::run_stage_backward(t, producer, tail);
    std::vector<Tensor> result = t.grad_inputs;
    result.insert(result.end(), t.grad_operands.begin(), t.grad_operands.end());
    return result;
  }

  void keep(std::vector<std::unique_ptr<Saved>>& list, const std::vector<Tensor>& tensors) {
    for (const Tensor& t : tensors) {
      list.push_back(std::make_unique<Saved>(this));
      list.back()->save(t);
    }
  }

 private:
  /// Of a kept result the weight alone is read again, for x's gradient.
  std::vector<Tensor> backward_inputs(std::vector<Tensor> in) const {
    const Tensor x = in[0];
    in[0] = detail::stage_input(x, x);
    if (Producer::keeps_result && !needs(0)) return in;
    in[1] = detail::stage_input(in[1], x);
    return in;
  }
  static Tensor gradient_of(const Tensor& value, ScalarType type) {
    return empty(value.sizes(), value.options().dtype(type));
  }
  static std::vector<Tensor> unpack(const std::vector<std::unique_ptr<Saved>>& list) {
    std::vector<Tensor> result;
    for (const auto& saved : list) result.push_back(saved->unpack());
    return result;
  }
};

template <class Producer, class Tail>
struct FusedStage {
  /// `inputs` are the producer's, checked; `operands` the tail's: channel operands [channels], with any
  /// extents of 1 behind, and what the tail's comment says. `op` is the name of the registered op.
  static Tensor apply(const char* op, const Producer& producer, const Tail& tail,
                      const std::vector<Tensor>& inputs, const std::vector<Tensor>& operands) {
    const profiler::RecordOp recorded(op, inputs, operands);
    const DimVector z_sizes = producer.result_sizes(inputs);
    check_operands(op, inputs[0], operands, z_sizes[1]);
    if (detail::is_autocast()) return apply_cast(op, producer, tail, inputs, operands);
    const bool lacks_kernels = inputs[0].is_cuda() && !has_cuda_stage<Producer, Tail>;
    if (ComposedGuard::is_active() || lacks_kernels)
      return detail::composed_stage(producer, tail, inputs, operands);

    using Backward = StageBackward<Producer, Tail>;
    auto node = make_node<Backward>(inputs, operands);
    StageTensors t;
    {
      NoGradGuard guard;
      t = forward_tensors(producer, tail, inputs, operands, bool(node));
      detail::run_stage_forward(t, producer, tail);
      t.y = t.y.to(detail::result_type(tail, inputs, operands));
    }
    if (node) {
      node->op = camel_case(op) + "Backward";
      node->producer = producer;
      node->tail = tail;
      node->z.save(t.z);
      node->keep(node->inputs, inputs);
      node->keep(node->operands, operands);
      node->keep(node->statistics, t.statistics);
      node->attach(t.y);
    }
    return t.y;
  }

 private:
  /// Of x in autocast's dtype, as a product or convolution would be.
  static Tensor apply_cast(const char* op, const Producer& producer, const Tail& tail,
                           std::vector<Tensor> inputs, const std::vector<Tensor>& operands) {
    constexpr bool kIsProduct = !std::is_same_v<Producer, stage::Sum>;
    const bool casts = detail::is_autocast(inputs[0]);
    const detail::AutocastCall cast(
        kIsProduct ? detail::AutocastOp("linear") : detail::AutocastOp("add"), inputs[0]);
    inputs[0] = cast(inputs[0]);
    const Tensor y = apply(op, producer, tail, inputs, operands);
    if (!casts) return y;
    return y.to(detail::autocast_type(tail, y.device().type(), inputs[0].dtype(), operands));
  }
  static void check_operands(const char* op, const Tensor& x, const std::vector<Tensor>& operands,
                             int64_t channels) {
    for (size_t k = 0; k < operands.size(); ++k) {
      const Tensor& t = operands[k];
      if (!t.defined()) continue;
      ENSURE(t.numel() == channels && t.size(0) == channels, op, ": operand ", k,
             " must have shape [", channels, "] (channels), got ", t.sizes());
      ENSURE(t.is_floating_point() && t.device() == x.device(), op, ": operand ", k,
             " must be floating and on ", x.device(), " (x's device), got ", t.dtype(), " on ",
             t.device());
    }
  }
  static StageTensors forward_tensors(const Producer& producer, const Tail& tail,
                                      const std::vector<Tensor>& inputs,
                                      const std::vector<Tensor>& operands, bool records) {
    StageTensors t;
    for (const Tensor& input : inputs) t.inputs.push_back(detail::stage_input(input, inputs[0]));
    t.operands = detail::stage_operands(operands, inputs[0]);
    const TensorOptions options = t.inputs[0].options();
    const DimVector z_sizes = producer.result_sizes(inputs);
    const auto shapes = detail::tail_shapes(tail, z_sizes, t.inputs[0].dtype(), records);
    const ScalarType type = detail::result_type(tail, inputs, operands);
    t.y = empty(shapes.y, inputs[0].is_cuda() ? options.dtype(type) : options);
    if (records && Producer::keeps_result && Tail::reads_result) t.z = empty(z_sizes, options);
    for (const auto& [sizes, type, wanted] : shapes.statistics)
      t.statistics.push_back(wanted ? empty(sizes, options.dtype(type)) : Tensor());
    return t;
  }
};

}  // namespace fg
