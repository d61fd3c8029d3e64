#include "nn/functional/dropout.h"

#include "autograd/ops/dropout.h"

namespace fg::nn::functional {
namespace {

template <class Options, class Op>
Tensor apply(const Tensor& input, const Options& options, Op op, Op op_inplace, const char* name) {
  ENSURE(options.p() >= 0 && options.p() <= 1, name,
         " probability has to be between 0 and 1, but got ", options.p());
  return (options.inplace() ? op_inplace : op)(input, options.p(), options.training());
}

Tensor drop_channels(const Tensor& input, const DropoutFuncOptions& options, const char* name) {
  return apply(input, options, fg::feature_dropout, fg::feature_dropout_, name);
}

}  // namespace

Tensor dropout(const Tensor& input, const DropoutFuncOptions& options) {
  return apply(input, options, fg::dropout, fg::dropout_, "dropout");
}

Tensor dropout1d(const Tensor& input, const Dropout1dFuncOptions& options) {
  return drop_channels(input, options, "dropout1d");
}

Tensor dropout2d(const Tensor& input, const Dropout2dFuncOptions& options) {
  return drop_channels(input, options, "dropout2d");
}

Tensor dropout3d(const Tensor& input, const Dropout3dFuncOptions& options) {
  return drop_channels(input, options, "dropout3d");
}

Tensor alpha_dropout(const Tensor& input, const AlphaDropoutFuncOptions& options) {
  return apply(input, options, fg::alpha_dropout, fg::alpha_dropout_, "alpha_dropout");
}

Tensor feature_alpha_dropout(const Tensor& input, const FeatureAlphaDropoutFuncOptions& options) {
  return apply(input, options, fg::feature_alpha_dropout, fg::feature_alpha_dropout_,
               "feature_alpha_dropout");
}

}  // namespace fg::nn::functional
