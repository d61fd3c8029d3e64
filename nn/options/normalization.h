// Options of the normalisation layers.
#pragma once

#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

/// `momentum` nullopt averages the running statistics over all batches.
struct BatchNormOptions {
  BatchNormOptions(int64_t num_features) : num_features_(num_features) {}
  FUSEGRAD_ARG(int64_t, num_features);
  FUSEGRAD_ARG(double, eps) = 1e-5;
  FUSEGRAD_ARG(optional<double>, momentum) = 0.1;
  FUSEGRAD_ARG(bool, affine) = true;
  FUSEGRAD_ARG(bool, track_running_stats) = true;
};
using BatchNorm1dOptions = BatchNormOptions;
using BatchNorm2dOptions = BatchNormOptions;
using BatchNorm3dOptions = BatchNormOptions;

struct InstanceNormOptions {
  InstanceNormOptions(int64_t num_features) : num_features_(num_features) {}
  FUSEGRAD_ARG(int64_t, num_features);
  FUSEGRAD_ARG(double, eps) = 1e-5;
  FUSEGRAD_ARG(double, momentum) = 0.1;
  FUSEGRAD_ARG(bool, affine) = false;
  FUSEGRAD_ARG(bool, track_running_stats) = false;
};
using InstanceNorm1dOptions = InstanceNormOptions;
using InstanceNorm2dOptions = InstanceNormOptions;
using InstanceNorm3dOptions = InstanceNormOptions;

/// `bias` false leaves out the bias only.
struct LayerNormOptions {
  LayerNormOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  FUSEGRAD_ARG(std::vector<int64_t>, normalized_shape);
  FUSEGRAD_ARG(double, eps) = 1e-5;
  FUSEGRAD_ARG(bool, elementwise_affine) = true;
  FUSEGRAD_ARG(bool, bias) = true;
};

/// `eps` nullopt takes the machine epsilon of the input's dtype.
struct RMSNormOptions {
  RMSNormOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  FUSEGRAD_ARG(std::vector<int64_t>, normalized_shape);
  FUSEGRAD_ARG(optional<double>, eps) = nullopt;
  FUSEGRAD_ARG(bool, elementwise_affine) = true;
};

struct GroupNormOptions {
  GroupNormOptions(int64_t num_groups, int64_t num_channels)
      : num_groups_(num_groups), num_channels_(num_channels) {}
  FUSEGRAD_ARG(int64_t, num_groups);
  FUSEGRAD_ARG(int64_t, num_channels);
  FUSEGRAD_ARG(double, eps) = 1e-5;
  FUSEGRAD_ARG(bool, affine) = true;
};

struct LocalResponseNormOptions {
  LocalResponseNormOptions(int64_t size) : size_(size) {}
  FUSEGRAD_ARG(int64_t, size);
  FUSEGRAD_ARG(double, alpha) = 1e-4;
  FUSEGRAD_ARG(double, beta) = 0.75;
  FUSEGRAD_ARG(double, k) = 1.;
};

struct CrossMapLRN2dOptions {
  CrossMapLRN2dOptions(int64_t size) : size_(size) {}
  FUSEGRAD_ARG(int64_t, size);
  FUSEGRAD_ARG(double, alpha) = 1e-4;
  FUSEGRAD_ARG(double, beta) = 0.75;
  FUSEGRAD_ARG(int64_t, k) = 1;
};

namespace functional {

using LocalResponseNormFuncOptions = LocalResponseNormOptions;

struct BatchNormFuncOptions {
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(bool, training) = false;
  FUSEGRAD_ARG(optional<double>, momentum) = 0.1;
  FUSEGRAD_ARG(double, eps) = 1e-5;
};

struct InstanceNormFuncOptions {
  FUSEGRAD_ARG(Tensor, running_mean);
  FUSEGRAD_ARG(Tensor, running_var);
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(bool, use_input_stats) = true;
  FUSEGRAD_ARG(double, momentum) = 0.1;
  FUSEGRAD_ARG(double, eps) = 1e-5;
};

struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  FUSEGRAD_ARG(std::vector<int64_t>, normalized_shape);
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(double, eps) = 1e-5;
};

struct RMSNormFuncOptions {
  RMSNormFuncOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  FUSEGRAD_ARG(std::vector<int64_t>, normalized_shape);
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(optional<double>, eps) = nullopt;
};

struct GroupNormFuncOptions {
  GroupNormFuncOptions(int64_t num_groups) : num_groups_(num_groups) {}
  FUSEGRAD_ARG(int64_t, num_groups);
  FUSEGRAD_ARG(Tensor, weight);
  FUSEGRAD_ARG(Tensor, bias);
  FUSEGRAD_ARG(double, eps) = 1e-5;
};

struct NormalizeFuncOptions {
  FUSEGRAD_ARG(double, p) = 2.0;
  FUSEGRAD_ARG(int64_t, dim) = 1;
  FUSEGRAD_ARG(double, eps) = 1e-12;
  FUSEGRAD_ARG(optional<Tensor>, out) = nullopt;
};

}  // namespace functional
}  // namespace fg::nn
