// Pointwise chains as fused ops: one node of the tape, derived from a list of functors. A new one
// takes a line:
//
//   const fg::PointwiseChain<Silu, MulChannel> swish_scale("swish_scale");
//   Tensor y = swish_scale(x, {scale});
//
// Include it where the chain is defined; the kernels are instantiated there. In a file that nvcc compiles that
// includes the GPU's (there, `using namespace fg::functors` belongs inside a namespace: at file scope its sqrt
// and exp meet those of headers that nvcc adds); a chain from another file is composed of plain ops on CUDA tensors.
#pragma once

#include "autograd/composed.h"
#include "autograd/fused/autocast_types.h"
#include "autograd/fused/names.h"
#include "autograd/fused/registry.h"
#include "autograd/ops/elementwise_nodes.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/cpu/chain.h"
#include "tensor/profiler.h"
#ifdef __CUDACC__
#include "cuda/fused/chain.cuh"
#endif

namespace fg {

namespace detail {

inline Tensor composed_chain(const functors::Chain<>&, const Tensor& x,
                             const std::vector<Tensor>&) {
  return x;
}
/// Plain ops, one per stage: what the chain computes, on the tape.
template <class First, class... Rest>
Tensor composed_chain(const functors::Chain<First, Rest...>& chain, const Tensor& x,
                      const std::vector<Tensor>& operands, size_t next = 0) {
  Tensor y;
  if constexpr (functors::takes_channel<First>) {
    DimVector sizes(size_t(x.dim()), 1);
    sizes[x.dim() > 1 ? 1 : 0] = -1;
    y = chain.first.forward(x, operands[next++].reshape(sizes));
  } else {
    y = apply_unary(x, chain.first);
  }
  if constexpr (sizeof...(Rest) == 0)
    return y;
  else
    return composed_chain(chain.rest, y, operands, next);
}

template <class C>
void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,
                   const C& chain) {
  if constexpr (has_cuda_kernels<C>)
    if (x.is_cuda()) return cuda::chain_forward(y, x, operands, chain);
  cpu::chain_forward(y, x, operands, chain);
}
template <class C>
void chain_backward(const Tensor& grad_x, const std::vector<Tensor>& grad_operands, const Tensor& g,
                    const Tensor& x, const std::vector<Tensor>& operands, const C& chain) {
  if constexpr (has_cuda_kernels<C>)
    if (x.is_cuda()) return cuda::chain_backward(grad_x, grad_operands, g, x, operands, chain);
  cpu::chain_backward(grad_x, grad_operands, g, x, operands, chain);
}

/// x as (outer, channels, inner); a channel plane too short to fill a vector loop joins the channels.
struct ChainLayout {
  static constexpr int64_t kShortestPlane = 64;
  int64_t outer = 1, channels = 1, inner = 1, joined = 1;

  ChainLayout(const Tensor& x, bool has_operands) {
    if (!has_operands) {
      channels = x.numel();
      return;
    }
    outer = x.dim() > 1 ? x.size(0) : 1;
    channels = x.dim() > 1 ? x.size(1) : x.numel();
    for (int64_t d = 2; d < x.dim(); ++d) inner *= x.size(d);
    if (inner < kShortestPlane) {
      joined = inner;
      channels *= inner;
      inner = 1;
    }
  }
  Tensor cube(const Tensor& x) const { return x.view({outer, channels, inner}); }
  Tensor operand(const Tensor& c, ScalarType type) const {
    const Tensor dense = c.to(type).contiguous();
    return joined == 1 ? dense : dense.unsqueeze(1).expand({c.size(0), joined}).reshape({-1});
  }
  Tensor operand_gradient(const Tensor& g) const {
    return joined == 1 ? g : g.view({-1, joined}).sum(1);
  }
};

}  // namespace detail

/// Saves x and the operands only; everything between is recomputed in registers.
template <class C>
struct ChainBackward : Node {
  C chain{};
  std::string op;
  Saved x{this};
  std::vector<std::unique_ptr<Saved>> operands;

  std::string name() const override { return op; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    std::vector<Tensor> inputs{x.unpack()};
    for (const auto& saved : operands) inputs.push_back(saved->unpack());
    if (GradMode::is_enabled()) {
      const auto forward = [this](const std::vector<Tensor>& in) {
        return detail::composed_chain(chain, in[0], {in.begin() + 1, in.end()});
      };
      return differentiate(*this, forward, inputs, grads[0]);
    }
    return run(inputs, grads[0]);
  }

 private:
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const Tensor& grad) const {
    const ScalarType type = kernel_type(inputs[0]);
    const detail::ChainLayout layout(inputs[0], inputs.size() > 1);
    const Tensor in = layout.cube(inputs[0].to(type).contiguous());
    const Tensor g = layout.cube(grad.to(type).contiguous());
    const Tensor grad_x = empty(in.sizes(), in.options());
    std::vector<Tensor> channel, grad_channel;
    for (size_t k = 1; k < inputs.size(); ++k) {
      channel.push_back(layout.operand(inputs[k], type));
      grad_channel.push_back(empty(channel.back().sizes(), channel.back().options()));
    }
    detail::chain_backward(grad_x, grad_channel, g, in, channel, chain);
    std::vector<Tensor> result{grad_x.view(inputs[0].sizes())};
    for (const Tensor& t : grad_channel) result.push_back(layout.operand_gradient(t));
    return result;
  }
};

/// A fused op made of stages: functors of tensor/kernels/ without operands, AddChannel, MulChannel.
/// Registers itself in fused_ops() unless `name` is empty.
template <class... Stages>
class PointwiseChain {
 public:
  using Type = functors::Chain<Stages...>;

  explicit PointwiseChain(const std::string& name, Stages... stages) : chain_(stages...) {
    bind(name);
  }
  explicit PointwiseChain(const std::string& name) requires(sizeof...(Stages) > 0) { bind(name); }

  /// x: any floating dtype; channels are dim 1 (dim 0 of a 1-d tensor). `operands`: one tensor of shape
  /// [channels] per channel stage. The result has x's shape and dtype.
  Tensor operator()(const Tensor& x, const std::vector<Tensor>& operands = {}) const {
    const profiler::RecordOp recorded(name_.c_str(), x, operands);
    check(x, operands);
    if (detail::is_autocast()) {
      const DeviceType device = x.device().type();
      const bool casts = detail::is_autocast(x);
      const detail::AutocastOff inside;
      const ScalarType type =
          casts ? detail::autocast_type(chain_, device, x.dtype(), operands) : x.dtype();
      return (*this)(x.to(type), operands);
    }
    const bool lacks_kernels = x.is_cuda() && !has_cuda_kernels<Type>;
    if (ComposedGuard::is_active() || lacks_kernels)
      return detail::composed_chain(chain_, x, operands);
    auto node = make_node<ChainBackward<Type>>(x, operands);
    const ScalarType type = kernel_type(x);
    const detail::ChainLayout layout(x, !operands.empty());
    Tensor y;
    {
      NoGradGuard guard;
      std::vector<Tensor> channel;
      for (const Tensor& c : operands) channel.push_back(layout.operand(c, type));
      const Tensor in = layout.cube(x.to(type).contiguous());
      const Tensor out = empty(in.sizes(), in.options());
      detail::chain_forward(out, in, channel, chain_);
      y = out.view(x.sizes()).detach().to(x.dtype());
    }
    if (node) {
      node->chain = chain_;
      node->op = node_name_;
      node->x.save(x);
      for (const Tensor& c : operands) {
        node->operands.push_back(std::make_unique<Saved>(node.get()));
        node->operands.back()->save(c);
      }
      node->attach(y);
    }
    return y;
  }
  const std::string& node_name() const { return node_name_; }

 private:
  void check(const Tensor& x, const std::vector<Tensor>& operands) const {
    ENSURE(x.is_floating_point(), name_, ": x must have a floating dtype, got ", x.dtype());
    ENSURE(operands.size() == size_t(Type::num_channel_operands), name_, ": expected ",
           Type::num_channel_operands, " channel operands, got ", operands.size());
    const int64_t channels = x.dim() == 0 ? 1 : x.size(x.dim() > 1 ? 1 : 0);
    for (size_t k = 0; k < operands.size(); ++k)
      ENSURE(operands[k].sizes() == IntArrayRef({channels}), name_, ": operand ", k,
             " must have shape [", channels, "] (channels), got ", operands[k].sizes());
  }

  void bind(const std::string& name) {
    name_ = name.empty() ? "pointwise_chain" : name;
    node_name_ = camel_case(name_) + "Backward";
    if (name.empty()) return;
    // The registry's copy must not register again.
    register_fused_op({name,
                       node_name_,
                       [op = *this](const autograd::variable_list& in) {
                         return op(in[0], std::vector<Tensor>(in.begin() + 1, in.end()));
                       },
                       {},
                       samples});
  }

  // Odd extents: a long plane with a remainder, joined short planes, rows of channels.
  static std::vector<autograd::variable_list> samples() {
    std::vector<autograd::variable_list> result;
    for (const DimVector& sizes : {DimVector{2, 3, 67}, DimVector{2, 5, 3}, DimVector{3, 7}}) {
      autograd::variable_list inputs{randn(sizes, kDouble).requires_grad_(true)};
      for (int k = 0; k < Type::num_channel_operands; ++k)
        inputs.push_back(randn({sizes[1]}, kDouble).requires_grad_(true));
      result.push_back(inputs);
    }
    return result;
  }

  Type chain_;
  std::string name_;
  std::string node_name_;
};

namespace detail {
template <class C>
struct ChainOpOf;
template <class... Stages>
struct ChainOpOf<functors::Chain<Stages...>> {
  using type = PointwiseChain<Stages...>;
};
}  // namespace detail

/// The op of a chain given as a type: ChainOp<Chain<Silu, MulChannel>> is PointwiseChain<Silu, MulChannel>.
template <class C>
using ChainOp = typename detail::ChainOpOf<C>::type;

}  // namespace fg
