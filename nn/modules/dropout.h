// Dropout layers: active in training, the identity after eval(). nn/functional/dropout.h says what each
// of them drops.
#pragma once

#include "nn/functional/dropout.h"
#include "nn/pimpl.h"

namespace fg::nn {

namespace detail {

void print_dropout(std::ostream& out, const DropoutOptions& options);

/// A function of the input, the options and whether the module is training.
template <class Derived, class FuncOptions, auto Function>
class DropoutModule : public Cloneable<Derived> {
 public:
  explicit DropoutModule(double p = 0.5) : DropoutModule(DropoutOptions(p)) {}
  explicit DropoutModule(const DropoutOptions& options) : options(options) {
    DropoutModule::reset();
  }
  void reset() override {
    ENSURE(options.p() >= 0 && options.p() <= 1,
           "dropout probability has to be between 0 and 1, but got ", options.p());
  }
  void pretty_print(std::ostream& out) const override {
    out << printed_name<Derived>();
    print_dropout(out, options);
  }
  Tensor forward(const Tensor& input) {
    return Function(
        input,
        FuncOptions().p(options.p()).training(this->is_training()).inplace(options.inplace()));
  }

  DropoutOptions options;
};

}  // namespace detail

class DropoutImpl : public detail::DropoutModule<DropoutImpl, functional::DropoutFuncOptions,
                                                 functional::dropout> {
 public:
  using DropoutModule::DropoutModule;
};
class Dropout1dImpl : public detail::DropoutModule<Dropout1dImpl, functional::DropoutFuncOptions,
                                                   functional::dropout1d> {
 public:
  using DropoutModule::DropoutModule;
};
class Dropout2dImpl : public detail::DropoutModule<Dropout2dImpl, functional::DropoutFuncOptions,
                                                   functional::dropout2d> {
 public:
  using DropoutModule::DropoutModule;
};
class Dropout3dImpl : public detail::DropoutModule<Dropout3dImpl, functional::DropoutFuncOptions,
                                                   functional::dropout3d> {
 public:
  using DropoutModule::DropoutModule;
};
class AlphaDropoutImpl
    : public detail::DropoutModule<AlphaDropoutImpl, functional::AlphaDropoutFuncOptions,
                                   functional::alpha_dropout> {
 public:
  using DropoutModule::DropoutModule;
};
class FeatureAlphaDropoutImpl
    : public detail::DropoutModule<FeatureAlphaDropoutImpl, functional::AlphaDropoutFuncOptions,
                                   functional::feature_alpha_dropout> {
 public:
  using DropoutModule::DropoutModule;
};
using Dropout = ModuleHolder<DropoutImpl>;
using Dropout1d = ModuleHolder<Dropout1dImpl>;
using Dropout2d = ModuleHolder<Dropout2dImpl>;
using Dropout3d = ModuleHolder<Dropout3dImpl>;
using AlphaDropout = ModuleHolder<AlphaDropoutImpl>;
using FeatureAlphaDropout = ModuleHolder<FeatureAlphaDropoutImpl>;

}  // namespace fg::nn
