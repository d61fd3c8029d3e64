// Module::state_dict and Module::load_state_dict; Module::save and Module::load.
#include "autograd/grad_mode.h"
#include "nn/module.h"
#include "serialize/archive.h"

namespace fg::nn {

OrderedDict<std::string, Tensor> Module::state_dict(const std::string& prefix) const {
  OrderedDict<std::string, Tensor> result;
  const_cast<Module*>(this)->visit(prefix, [&](const std::string& path, Module& module) {
    const std::string dotted = path.empty() ? path : path + ".";
    for (const auto& parameter : module.parameters_) {
      if (parameter->defined()) result.insert(dotted + parameter.key(), parameter->detach());
    }
    for (const auto& buffer : module.buffers_) {
      if (buffer->defined() && !module.non_persistent_buffers_.contains(buffer.key())) {
        result.insert(dotted + buffer.key(), buffer->detach());
      }
    }
  });
  return result;
}

namespace {

/// `prefix: a, b, c` appended to `text` if there are any names.
void append_list(std::string& text, const char* prefix, const std::vector<std::string>& names) {
  if (names.empty()) return;
  text += text.empty() ? "" : "; ";
  text += prefix;
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i];
}

}  // namespace

IncompatibleKeys Module::load_state_dict(const OrderedDict<std::string, Tensor>& dict,
                                         bool strict) {
  const OrderedDict<std::string, Tensor> own = state_dict();
  IncompatibleKeys keys;
  std::vector<std::string> shape_problems;
  for (const auto& item : own) {
    const Tensor* source = dict.find(item.key());
    if (!source) {
      keys.missing_keys.push_back(item.key());
    } else if (!source->defined() || source->sizes() != item->sizes()) {
      keys.mismatched_keys.push_back(item.key());
      shape_problems.push_back(str(item.key(), " must have shape ", item->sizes(), ", got ",
                                   source->defined() ? str(source->sizes()) : "no tensor"));
    }
  }
  for (const auto& item : dict) {
    if (!own.contains(item.key())) keys.unexpected_keys.push_back(item.key());
  }

  std::string problems;
  append_list(problems, "missing keys: ", keys.missing_keys);
  append_list(problems, "unexpected keys: ", keys.unexpected_keys);
  append_list(problems, "size mismatch: ", shape_problems);
  ENSURE(!strict || problems.empty(), "load_state_dict: the state dict does not fit ", name(), ": ",
         problems);

  NoGradGuard no_grad;
  for (const auto& item : own) {
    const Tensor* source = dict.find(item.key());
    if (source && source->defined() && source->sizes() == item->sizes()) item->copy_(*source);
  }
  return keys;
}

void Module::save(serialize::OutputArchive& archive) const {
  for (const auto* tensors : {&parameters_, &buffers_}) {
    for (const auto& item : *tensors) {
      if (item->defined()) archive.write(item.key(), item.value());
    }
  }
  for (const auto& child : children_) {
    if (!child.value()->is_serializable()) continue;
    serialize::OutputArchive inner;
    child.value()->save(inner);
    archive.write(child.key(), inner);
  }
}

void Module::load(serialize::InputArchive& archive) {
  NoGradGuard no_grad;
  for (auto* tensors : {&parameters_, &buffers_}) {
    for (auto& item : *tensors) {
      if (!item->defined()) continue;
      Tensor saved;
      archive.read(item.key(), saved);
      ENSURE(saved.sizes() == item->sizes(), "load: ", item.key(), " of ", name(),
             " must have shape ", item->sizes(), ", got ", saved.sizes());
      item->copy_(saved);
    }
  }
  for (const auto& child : children_) {
    if (!child.value()->is_serializable()) continue;
    serialize::InputArchive inner;
    archive.read(child.key(), inner);
    child.value()->load(inner);
  }
}

}  // namespace fg::nn
