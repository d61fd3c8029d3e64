// Padding layers; nn/functional/padding.h has the rules.
#pragma once

#include "nn/functional/padding.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

template <size_t D>
void print_options(std::ostream& out, const PadOptions<D>& options);
template <size_t D>
void print_options(std::ostream& out, const ConstantPadOptions<D>& options);

namespace detail {
template <Choice Mode, size_t D>
Tensor pad_with(const Tensor& input, const PadOptions<D>& options) {
  const auto& padding = *options.padding();
  return functional::pad(
      input, functional::PadFuncOptions({padding.begin(), padding.end()}).mode(ChoiceTag<Mode>()));
}
template <size_t D>
Tensor pad_constant(const Tensor& input, const ConstantPadOptions<D>& options) {
  const auto& padding = *options.padding();
  return functional::pad(
      input, functional::PadFuncOptions({padding.begin(), padding.end()}).value(options.value()));
}
}  // namespace detail

class ReflectionPad1dImpl
    : public FunctionModule<ReflectionPad1dImpl, detail::pad_with<Choice::Reflect, 1>> {
 public:
  using FunctionModule::FunctionModule;
};
class ReflectionPad2dImpl
    : public FunctionModule<ReflectionPad2dImpl, detail::pad_with<Choice::Reflect, 2>> {
 public:
  using FunctionModule::FunctionModule;
};
class ReflectionPad3dImpl
    : public FunctionModule<ReflectionPad3dImpl, detail::pad_with<Choice::Reflect, 3>> {
 public:
  using FunctionModule::FunctionModule;
};
using ReflectionPad1d = ModuleHolder<ReflectionPad1dImpl>;
using ReflectionPad2d = ModuleHolder<ReflectionPad2dImpl>;
using ReflectionPad3d = ModuleHolder<ReflectionPad3dImpl>;

class ReplicationPad1dImpl
    : public FunctionModule<ReplicationPad1dImpl, detail::pad_with<Choice::Replicate, 1>> {
 public:
  using FunctionModule::FunctionModule;
};
class ReplicationPad2dImpl
    : public FunctionModule<ReplicationPad2dImpl, detail::pad_with<Choice::Replicate, 2>> {
 public:
  using FunctionModule::FunctionModule;
};
class ReplicationPad3dImpl
    : public FunctionModule<ReplicationPad3dImpl, detail::pad_with<Choice::Replicate, 3>> {
 public:
  using FunctionModule::FunctionModule;
};
using ReplicationPad1d = ModuleHolder<ReplicationPad1dImpl>;
using ReplicationPad2d = ModuleHolder<ReplicationPad2dImpl>;
using ReplicationPad3d = ModuleHolder<ReplicationPad3dImpl>;

class ZeroPad1dImpl : public FunctionModule<ZeroPad1dImpl, detail::pad_with<Choice::Constant, 1>> {
 public:
  using FunctionModule::FunctionModule;
};
class ZeroPad2dImpl : public FunctionModule<ZeroPad2dImpl, detail::pad_with<Choice::Constant, 2>> {
 public:
  using FunctionModule::FunctionModule;
};
class ZeroPad3dImpl : public FunctionModule<ZeroPad3dImpl, detail::pad_with<Choice::Constant, 3>> {
 public:
  using FunctionModule::FunctionModule;
};
using ZeroPad1d = ModuleHolder<ZeroPad1dImpl>;
using ZeroPad2d = ModuleHolder<ZeroPad2dImpl>;
using ZeroPad3d = ModuleHolder<ZeroPad3dImpl>;

class ConstantPad1dImpl : public FunctionModule<ConstantPad1dImpl, detail::pad_constant<1>> {
 public:
  using FunctionModule::FunctionModule;
};
class ConstantPad2dImpl : public FunctionModule<ConstantPad2dImpl, detail::pad_constant<2>> {
 public:
  using FunctionModule::FunctionModule;
};
class ConstantPad3dImpl : public FunctionModule<ConstantPad3dImpl, detail::pad_constant<3>> {
 public:
  using FunctionModule::FunctionModule;
};
using ConstantPad1d = ModuleHolder<ConstantPad1dImpl>;
using ConstantPad2d = ModuleHolder<ConstantPad2dImpl>;
using ConstantPad3d = ModuleHolder<ConstantPad3dImpl>;

}  // namespace fg::nn
