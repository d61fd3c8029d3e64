#include "cuda/cudnn/conv_problem.h"

#include <algorithm>

#include "tensor/shape.h"

namespace fg::cuda {
namespace {

constexpr int8_t kMaxAlignment = 16;

bool is_channels_last(const Tensor& t) {
  return (t.dim() == 4 && t.is_contiguous(MemoryFormat::ChannelsLast)) ||
         (t.dim() == 5 && t.is_contiguous(MemoryFormat::ChannelsLast3d));
}

int8_t alignment_of(const void* address) {
  const auto bits = reinterpret_cast<uintptr_t>(address) | uintptr_t(kMaxAlignment);
  return int8_t(bits & -bits);
}

}  // namespace

DimVector ConvProblem::spatial(const Extents& extents) const {
  return DimVector(extents.end() - spatial_dims, extents.end());
}

TensorShape ConvProblem::shape(int64_t first, int64_t second, const Extents& extents) const {
  DimVector dims = spatial(extents);
  dims.insert(0, second);
  dims.insert(0, first);
  // From the extents, not from the tensor: where an extent is 1 a tensor may carry any stride.
  return {dims, channels_last ? channels_last_strides(dims) : contiguous_strides(dims)};
}

TensorShape ConvProblem::input() const {
  return shape(geometry.batch, geometry.in_channels, geometry.input);
}
TensorShape ConvProblem::weight() const {
  // cuDNN takes the number of groups from the quotient of the input's channels and these.
  return shape(geometry.out_channels, geometry.group_in(), geometry.kernel);
}
TensorShape ConvProblem::output() const {
  return shape(geometry.batch, geometry.out_channels, geometry.output);
}
TensorShape ConvProblem::bias() const {
  const bool on_input = direction == ConvDirection::InputGrad;
  return shape(1, on_input ? geometry.in_channels : geometry.out_channels, {1, 1, 1});
}

ConvProblem make_conv_problem(ConvDirection direction, const Tensor& input, const Tensor& weight,
                              const Tensor& output, const Tensor& bias,
                              const ConvGeometry& geometry) {
  ConvProblem problem;
  problem.geometry = geometry;
  problem.spatial_dims = int8_t(std::max<int64_t>(input.dim() - 2, 2));
  problem.direction = direction;
  problem.type = input.dtype();
  problem.has_bias = bias.defined();
  bool contiguous = true, channels_last = true;
  for (const Tensor* t : {&input, &weight, &output}) {
    contiguous = contiguous && t->is_contiguous();
    channels_last = channels_last && is_channels_last(*t);
    problem.alignment = std::min(problem.alignment, alignment_of(t->data_ptr()));
  }
  ENSURE(contiguous || channels_last,
         "convolution: tensors must be all contiguous or all channels last, got strides ",
         input.strides(), " (input), ", weight.strides(), " (weight), ", output.strides(),
         " (output)");
  problem.channels_last = !contiguous;
  if (bias.defined())
    problem.alignment = std::min(problem.alignment, alignment_of(bias.data_ptr()));
  return problem;
}

}  // namespace fg::cuda
