// Fused stages as ops: a producer (tensor/kernels/stage.h) and its tail are one node of the tape, which saves the
// inputs and the pre-activation and computes the tail again in backward. A new one takes its composed form
// and its shapes from the two parts, so that it is a few lines (stages.cpp):
//
//   using LinearGelu = FusedStage<stage::Linear, stage::Pointwise<Chain<Gelu>>>;
//   Tensor y = LinearGelu::apply("linear_gelu", {}, {}, {x, weight, bias}, {});
//
// Include it where the stage is used; its CPU kernels are instantiated there.
#pragma once

#include "autograd/composed.h"
#include "autograd/fused/kept_pre_activation.h"
#include "autograd/fused/pointwise.h"
#include "autograd/ops/checks.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/spatial.h"
#include "tensor/cpu/stage.h"

namespace fg {

namespace detail {

// The producers and tails in plain ops.

inline Tensor composed_result(const stage::Conv& p, const std::vector<Tensor>& in) {
  const ConvGeometry& g = p.geometry;
  Extents extra{};
  for (size_t d = 0; p.transposed && d < 3; ++d)
    extra[d] = g.input[d] - ((g.output[d] - 1) * g.stride[d] - 2 * g.padding[d] +
                             g.dilation[d] * (g.kernel[d] - 1) + 1);
  return convolution(in[0], in[1], in[2], spatial_part(g.stride, p.rank),
                     spatial_part(g.padding, p.rank), spatial_part(g.dilation, p.rank),
                     p.transposed, spatial_part(extra, p.rank), g.groups);
}
inline Tensor composed_result(const stage::Linear&, const std::vector<Tensor>& in) {
  return linear(in[0], in[1], in[2]);
}
inline Tensor composed_result(const stage::Sum&, const std::vector<Tensor>& in) {
  return in[0].add(in[1]);
}

template <class C>
Tensor composed_tail(const stage::Pointwise<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  return composed_chain(tail.chain, z, operands);
}
template <class C>
Tensor composed_tail(const stage::MaxPooled<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  const Tensor a = composed_chain(tail.chain, z, operands);
  const DimVector kernel = spatial_part(tail.geometry.kernel, tail.rank);
  return tail.rank == 1   ? max_pool1d(a, kernel)
         : tail.rank == 2 ? max_pool2d(a, kernel)
                          : max_pool3d(a, kernel);
}
template <class C>
Tensor composed_tail(const stage::RowNormed<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  const Tensor a = composed_chain(tail.chain, z, operands);
  const size_t first = size_t(C::num_channel_operands);
  if (!tail.centered) return rms_norm(a, {z.size(1)}, operands[first], tail.eps);
  return group_norm(a, tail.num_groups, operands[first], operands[first + 1], tail.eps);
}
template <class C>
Tensor composed_tail(const stage::Logsumexp<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  return composed_chain(tail.chain, logsumexp(z, 1, true), operands);
}

/// What a tail makes of a z of these sizes: y, and the statistics that it saves.
struct TailShapes {
  DimVector y;
  std::vector<DimVector> statistics;
};
template <class C>
TailShapes tail_shapes(const stage::Pointwise<C>&, const DimVector& z) {
  return {z, {}};
}
template <class C>
TailShapes tail_shapes(const stage::MaxPooled<C>& tail, const DimVector& z) {
  return {spatial_sizes({z[0], z[1]}, tail.geometry.output, tail.rank), {}};
}
template <class C>
TailShapes tail_shapes(const stage::RowNormed<C>& tail, const DimVector& z) {
  const DimVector rows{z[0] * tail.num_groups};
  return {z, {rows, rows}};
}
template <class C>
TailShapes tail_shapes(const stage::Logsumexp<C>&, const DimVector& z) {
  return {{z[0], 1}, {{z[0]}}};
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
        return detail::composed_tail(tail, detail::composed_result(producer, {v.begin(), middle}),
                                     {middle, v.end()});
      };
      return differentiate(*this, forward, all, grads[0]);
    }
    StageTensors t = kernel_tensors(in, c);
    t.z = z.unpack();
    t.statistics = unpack(statistics);
    t.grad_y = grads[0].to(kernel_type(in[0])).contiguous();
    std::vector<Tensor> result;
    for (size_t i = 0; i < in.size() + c.size(); ++i) {
      const bool is_input = i < in.size();
      const Tensor& value = is_input ? t.inputs[i] : t.operands[i - in.size()];
      const Tensor grad = needs(i) ? empty(value.sizes(), value.options()) : Tensor();
      (is_input ? t.grad_inputs : t.grad_operands).push_back(grad);
      result.push_back(!needs(i) || is_input ? grad : grad.view(c[i - in.size()].sizes()));
    }
    if constexpr (has_cuda_stage<Producer, Tail>)
      if (in[0].is_cuda()) return cuda::stage_backward(t, producer, tail), result;
    cpu::stage_backward(t, producer, tail);
    return result;
  }

  void keep(std::vector<std::unique_ptr<Saved>>& list, const std::vector<Tensor>& tensors) {
    for (const Tensor& t : tensors) {
      list.push_back(std::make_unique<Saved>(this));
      list.back()->save(t);
    }
  }
  /// Inputs and operands as kernels read them; operands flat.
  static StageTensors kernel_tensors(const std::vector<Tensor>& in, const std::vector<Tensor>& c) {
    const auto dense = [&](const Tensor& t) {
      return t.defined() ? t.detach().to(kernel_type(in[0])).contiguous() : t;
    };
    StageTensors result;
    for (const Tensor& t : in) result.inputs.push_back(dense(t));
    for (const Tensor& t : c) result.operands.push_back(t.defined() ? dense(t).flatten() : t);
    return result;
  }

 private:
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
    const DimVector z_sizes = producer.result_sizes(inputs);
    for (size_t k = 0; k < operands.size(); ++k)
      ENSURE(!operands[k].defined() ||
                 (operands[k].numel() == z_sizes[1] && operands[k].size(0) == z_sizes[1]),
             op, ": operand ", k, " must have shape [", z_sizes[1], "] (channels), got ",
             operands[k].sizes());
    const bool lacks_kernels = inputs[0].is_cuda() && !has_cuda_stage<Producer, Tail>;
    if (ComposedGuard::is_active() || lacks_kernels)
      return detail::composed_tail(tail, detail::composed_result(producer, inputs), operands);

    using Backward = StageBackward<Producer, Tail>;
    auto node = make_node<Backward>(inputs, operands);
    StageTensors t;
    {
      NoGradGuard guard;
      t = Backward::kernel_tensors(inputs, operands);
      const TensorOptions options = t.inputs[0].options();
      const detail::TailShapes shapes = detail::tail_shapes(tail, z_sizes);
      t.y = empty(shapes.y, options);
      if (node && Producer::keeps_result) t.z = empty(z_sizes, options);
      for (const DimVector& sizes : shapes.statistics)
        t.statistics.push_back(empty(sizes, options));
      run_forward(t, producer, tail);
      t.y = t.y.to(inputs[0].dtype());
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
  static void run_forward(const StageTensors& t, const Producer& producer, const Tail& tail) {
    if constexpr (has_cuda_stage<Producer, Tail>)
      if (t.y.is_cuda()) return cuda::stage_forward(t, producer, tail);
    cpu::stage_forward(t, producer, tail);
  }
};

}  // namespace fg
