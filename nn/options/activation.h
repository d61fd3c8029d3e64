// Options of the activations. `inplace` overwrites the input.
#pragma once

#include <string>

#include "tensor/arg.h"
#include "tensor/array_ref.h"
#include "tensor/dtype.h"

namespace fg::nn {

/// For activations without arguments.
struct NoOptions {};

/// For activations whose only argument is `inplace`; converts from bool.
struct InplaceOptions {
  InplaceOptions(bool inplace = false) : inplace_(inplace) {}
  FUSEGRAD_ARG(bool, inplace);
};
using SELUOptions = InplaceOptions;
using ReLUOptions = InplaceOptions;
using ReLU6Options = InplaceOptions;
using HardswishOptions = InplaceOptions;
using HardsigmoidOptions = InplaceOptions;

struct ELUOptions {
  FUSEGRAD_ARG(double, alpha) = 1.0;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct CELUOptions {
  FUSEGRAD_ARG(double, alpha) = 1.0;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct GLUOptions {
  GLUOptions(int64_t dim = -1) : dim_(dim) {}
  FUSEGRAD_ARG(int64_t, dim);
};

/// `approximate` is "none" (erf) or "tanh".
struct GELUOptions {
  FUSEGRAD_ARG(std::string, approximate) = "none";
};

struct HardshrinkOptions {
  HardshrinkOptions(double lambda = 0.5) : lambda_(lambda) {}
  FUSEGRAD_ARG(double, lambda);
};

struct SoftshrinkOptions {
  SoftshrinkOptions(double lambda = 0.5) : lambda_(lambda) {}
  FUSEGRAD_ARG(double, lambda);
};

struct HardtanhOptions {
  FUSEGRAD_ARG(double, min_val) = -1.0;
  FUSEGRAD_ARG(double, max_val) = 1.0;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct LeakyReLUOptions {
  FUSEGRAD_ARG(double, negative_slope) = 1e-2;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct SoftmaxOptions {
  SoftmaxOptions(int64_t dim) : dim_(dim) {}
  FUSEGRAD_ARG(int64_t, dim);
};
struct SoftminOptions : SoftmaxOptions {
  using SoftmaxOptions::SoftmaxOptions;
};
struct LogSoftmaxOptions : SoftmaxOptions {
  using SoftmaxOptions::SoftmaxOptions;
};

struct PReLUOptions {
  FUSEGRAD_ARG(int64_t, num_parameters) = 1;
  FUSEGRAD_ARG(double, init) = 0.25;
};

struct RReLUOptions {
  FUSEGRAD_ARG(double, lower) = 1.0 / 8.0;
  FUSEGRAD_ARG(double, upper) = 1.0 / 3.0;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct SoftplusOptions {
  FUSEGRAD_ARG(double, beta) = 1.0;
  FUSEGRAD_ARG(double, threshold) = 20.0;
};

struct ThresholdOptions {
  ThresholdOptions(double threshold, double value) : threshold_(threshold), value_(value) {}
  FUSEGRAD_ARG(double, threshold);
  FUSEGRAD_ARG(double, value);
  FUSEGRAD_ARG(bool, inplace) = false;
};

namespace functional {

using SELUFuncOptions = SELUOptions;
using ReLUFuncOptions = ReLUOptions;
using ReLU6FuncOptions = ReLU6Options;
using ELUFuncOptions = ELUOptions;
using CELUFuncOptions = CELUOptions;
using GLUFuncOptions = GLUOptions;
using GELUFuncOptions = GELUOptions;
using HardshrinkFuncOptions = HardshrinkOptions;
using SoftshrinkFuncOptions = SoftshrinkOptions;
using HardtanhFuncOptions = HardtanhOptions;
using LeakyReLUFuncOptions = LeakyReLUOptions;
using SoftplusFuncOptions = SoftplusOptions;
using ThresholdFuncOptions = ThresholdOptions;

/// `dtype` converts the input first.
struct SoftmaxFuncOptions {
  SoftmaxFuncOptions(int64_t dim) : dim_(dim) {}
  FUSEGRAD_ARG(int64_t, dim);
  FUSEGRAD_ARG(optional<ScalarType>, dtype) = nullopt;
};
using SoftminFuncOptions = SoftmaxFuncOptions;
using LogSoftmaxFuncOptions = SoftmaxFuncOptions;

struct RReLUFuncOptions {
  FUSEGRAD_ARG(double, lower) = 1.0 / 8.0;
  FUSEGRAD_ARG(double, upper) = 1.0 / 3.0;
  FUSEGRAD_ARG(bool, training) = false;
  FUSEGRAD_ARG(bool, inplace) = false;
};

struct GumbelSoftmaxFuncOptions {
  FUSEGRAD_ARG(double, tau) = 1.0;
  FUSEGRAD_ARG(bool, hard) = false;
  FUSEGRAD_ARG(int64_t, dim) = -1;
};

}  // namespace functional
}  // namespace fg::nn
