// FunctionModule: makes a module without parameters from a function of nn/functional/.
#pragma once

#include "nn/pimpl.h"

namespace fg::nn {

/// Prints the parentheses of a printed module and what stands between them; overloaded for Options
/// that have something to say.
template <class Options>
void print_options(std::ostream& out, const Options&) {
  out << "()";
}

namespace detail {

struct NoModuleOptions {};

/// Splits the parameters of a function into tensors and a trailing Options.
template <class Function>
struct FunctionTraits;
template <class... Args>
struct FunctionTraits<Tensor (*)(Args...)> {
  using Last = std::remove_cvref_t<decltype((std::declval<Args>(), ...))>;
  static constexpr bool kHasOptions = !std::is_same_v<Last, Tensor>;
  using Options = std::conditional_t<kHasOptions, Last, NoModuleOptions>;
  using Inputs = std::make_index_sequence<sizeof...(Args) - kHasOptions>;
};
template <size_t>
using TensorInput = const Tensor&;

template <class Derived, auto Function, class Inputs>
class FunctionModule;

template <class Derived, auto Function, size_t... I>
class FunctionModule<Derived, Function, std::index_sequence<I...>> : public Cloneable<Derived> {
  using Traits = FunctionTraits<decltype(Function)>;

 public:
  using Options = typename Traits::Options;

  FunctionModule() requires std::is_default_constructible_v<Options> { FunctionModule::reset(); }
  /// Takes the Options, or what its constructor takes.
  template <class... Args>
  requires(sizeof...(Args) > 0 && std::is_constructible_v<Options, Args...> &&
           !(std::is_base_of_v<FunctionModule, std::remove_cvref_t<Args>> ||
             ...)) explicit FunctionModule(Args&&... args)
      : options(std::forward<Args>(args)...) {
    FunctionModule::reset();
  }

  /// The weights of a loss are buffers, which move with the module and are in its state dict.
  void reset() override {
    if constexpr (requires { options.weight().defined(); }) adopt("weight", options.weight());
    if constexpr (requires { options.pos_weight().defined(); })
      adopt("pos_weight", options.pos_weight());
  }
  void pretty_print(std::ostream& out) const override {
    out << printed_name<Derived>();
    print_options(out, options);
  }
  Tensor forward(TensorInput<I>... inputs) {
    if constexpr (Traits::kHasOptions)
      return Function(inputs..., options);
    else
      return Function(inputs...);
  }

  Options options;

 private:
  // A handle of its own, because Module::to and clone() give the buffer's object other data.
  void adopt(const char* name, Tensor& weight) {
    if (weight.defined()) weight = weight.detach();
    this->register_buffer(name, weight);
  }
};

}  // namespace detail

/// Base of the module `Derived` whose forward() calls `Function` on its inputs and its public member
/// `options`.
template <class Derived, auto Function>
using FunctionModule =
    detail::FunctionModule<Derived, Function,
                           typename detail::FunctionTraits<decltype(Function)>::Inputs>;

}  // namespace fg::nn
