#include "nn/inspect.h"

namespace fg::nn::detail {

InspectionScope::InspectionScope(Module& model) {
  model.apply([&](Module& module) { modes_.emplace_back(&module, module.is_training()); });
  model.eval();
}

InspectionScope::~InspectionScope() {
  // Parents come first: what train() does to their children is put right after.
  for (const auto& [module, was_training] : modes_) module->train(was_training);
}

std::string layer_type(const Module& module) {
  std::string name = module.name().substr(0, module.name().find('<'));
  if (const size_t colon = name.rfind(':'); colon != std::string::npos) name.erase(0, colon + 1);
  if (name.ends_with("Impl")) name.resize(name.size() - 4);
  return name;
}

}  // namespace fg::nn::detail
