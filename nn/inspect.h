// Looking at a model by running it once: what summary() and trace_graph() share.
#pragma once

#include <tuple>

#include "nn/cloneable.h"
#include "nn/pimpl.h"

namespace fg::nn::detail {

/// Evaluation mode for a scope. Afterwards each module is in its own mode again, and the CPU's default
/// generator where it was, so that the look changes no training.
class InspectionScope {
 public:
  explicit InspectionScope(Module& model);
  ~InspectionScope();
  InspectionScope(const InspectionScope&) = delete;
  InspectionScope& operator=(const InspectionScope&) = delete;

 private:
  KeepRandomState random_state_;
  std::vector<std::pair<Module*, bool>> modes_;
};

/// "Linear" of a LinearImpl.
std::string layer_type(const Module& module);

/// The module itself, or the one behind a holder or a shared_ptr.
template <class Model>
auto& module_of(Model& model) {
  if constexpr (IsModule<Model>)
    return model;
  else
    return const_cast<std::remove_const_t<Model>&>(model).operator*();
}

}  // namespace fg::nn::detail
