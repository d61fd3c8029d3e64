// Options of the dropout layers. `p` is the probability that an element or channel becomes zero.
#pragma once

#include "tensor/arg.h"

namespace fg::nn {

struct DropoutOptions {
  DropoutOptions(double p = 0.5) : p_(p) {}
  FUSEGRAD_ARG(double, p);
  FUSEGRAD_ARG(bool, inplace) = false;
};
using Dropout1dOptions = DropoutOptions;
using Dropout2dOptions = DropoutOptions;
using Dropout3dOptions = DropoutOptions;
using AlphaDropoutOptions = DropoutOptions;
using FeatureAlphaDropoutOptions = DropoutOptions;

namespace functional {

struct DropoutFuncOptions {
  FUSEGRAD_ARG(double, p) = 0.5;
  FUSEGRAD_ARG(bool, training) = true;
  FUSEGRAD_ARG(bool, inplace) = false;
};
using Dropout1dFuncOptions = DropoutFuncOptions;
using Dropout2dFuncOptions = DropoutFuncOptions;
using Dropout3dFuncOptions = DropoutFuncOptions;

/// Unlike the plain dropouts, does nothing unless `training` is set.
struct AlphaDropoutFuncOptions {
  FUSEGRAD_ARG(double, p) = 0.5;
  FUSEGRAD_ARG(bool, training) = false;
  FUSEGRAD_ARG(bool, inplace) = false;
};
using FeatureAlphaDropoutFuncOptions = AlphaDropoutFuncOptions;

}  // namespace functional
}  // namespace fg::nn
