#include "autograd/function.h"

#include <cstdlib>
#include <memory>

#include <cxxabi.h>

#include "tensor/factories.h"

namespace fg::autograd::detail {

std::string demangled_class_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  const std::string name = status == 0 ? text.get() : mangled;
  const size_t colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

void check_dirty(const Tensor& output, const TensorImpl* first_input, size_t num_outputs) {
  check_inplace(output, "Function::apply", true);
  ENSURE(!output.is_view() || (num_outputs == 1 && output.unsafeGetTensorImpl() == first_input),
         "Function::apply: a view changed in place must be the first tensor argument and the only "
         "output");
}

Tensor zeros_like_output(const OutputInfo& info) {
  return zeros(info.sizes, TensorOptions(info.dtype).device(info.device));
}

}  // namespace fg::autograd::detail
