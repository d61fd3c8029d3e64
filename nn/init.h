// Initialisation of parameters (torch.nn.init). Every function fills its tensor in place, without
// recording, and returns it. Random ones draw PyTorch's numbers from the device's default generator.
//
// fan_in = size[1] * product(size[2:]), fan_out = size[0] * product(size[2:]); both need two dims.
#pragma once

#include <tuple>

#include "nn/enum.h"
#include "tensor/tensor.h"

namespace fg::nn::init {

using NonlinearityType =
    OneOf<enumtype::kLinear, enumtype::kConv1D, enumtype::kConv2D, enumtype::kConv3D,
          enumtype::kConvTranspose1D, enumtype::kConvTranspose2D, enumtype::kConvTranspose3D,
          enumtype::kSigmoid, enumtype::kTanh, enumtype::kReLU, enumtype::kLeakyReLU,
          enumtype::kSELU>;
using FanModeType = OneOf<enumtype::kFanIn, enumtype::kFanOut>;

/// The factor that keeps the variance of activations: 1 for linear maps and sigmoid, 5/3 for tanh,
/// sqrt(2) for ReLU, sqrt(2 / (1 + param^2)) for a leaky ReLU with slope `param`, 3/4 for SELU.
double calculate_gain(NonlinearityType nonlinearity, double param = 0.01);

Tensor constant_(Tensor tensor, const Scalar& value);
Tensor ones_(Tensor tensor);
Tensor zeros_(Tensor tensor);
Tensor uniform_(Tensor tensor, double low = 0, double high = 1);
Tensor normal_(Tensor tensor, double mean = 0, double std = 1);
/// Normal values limited to [a, b].
Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2);
/// A 2-d tensor with ones on the diagonal.
Tensor eye_(Tensor matrix);
/// The identity of a convolution: 3 to 5 dims, in each of `groups`.
Tensor dirac_(Tensor tensor, int64_t groups = 1);

/// Uniform on +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
Tensor xavier_uniform_(Tensor tensor, double gain = 1.0);
/// Normal with std gain sqrt(2 / (fan_in + fan_out)).
Tensor xavier_normal_(Tensor tensor, double gain = 1.0);
/// Uniform on +-gain sqrt(3 / fan) (He et al., 2015); `a` is the slope of the leaky ReLU that follows.
Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                        NonlinearityType nonlinearity = kLeakyReLU);
/// Normal with std gain / sqrt(fan).
Tensor kaiming_normal_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                       NonlinearityType nonlinearity = kLeakyReLU);
/// Orthonormal rows or columns (Saxe et al., 2013) of the tensor seen as [size[0], rest], times gain.
Tensor orthogonal_(Tensor tensor, double gain = 1.0);
/// A 2-d tensor, normal with this std, with the fraction `sparsity` of each column set to zero.
Tensor sparse_(Tensor tensor, double sparsity, double std = 0.01);

std::tuple<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor);
/// Uniform on +-1/sqrt(fan_in of `weight`): the default of a bias.
Tensor default_bias_(Tensor bias, const Tensor& weight);

}  // namespace fg::nn::init
