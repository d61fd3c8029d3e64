// Resizing as a module; nn/functional/upsampling.h has the modes.
#pragma once

#include "nn/functional/upsampling.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

void print_options(std::ostream& out, const UpsampleOptions& options);

namespace detail {
inline Tensor upsample(const Tensor& input, const UpsampleOptions& options) {
  return functional::interpolate(input, functional::InterpolateFuncOptions()
                                            .size(options.size())
                                            .scale_factor(options.scale_factor())
                                            .mode(options.mode())
                                            .align_corners(options.align_corners()));
}
}  // namespace detail

class UpsampleImpl : public FunctionModule<UpsampleImpl, detail::upsample> {
 public:
  using FunctionModule::FunctionModule;
};
using Upsample = ModuleHolder<UpsampleImpl>;

}  // namespace fg::nn
