#include "nn/modules/any.h"

namespace fg::nn::detail {

void complete_arguments(const Module& module, const std::type_info& type, size_t num_parameters,
                        std::vector<AnyValue>& arguments) {
  if (arguments.size() == num_parameters) return;
  const auto defaults = module.forward_defaults();
  const size_t num_required = num_parameters - defaults.size();
  if (defaults.empty()) {
    const std::string name = type_name(type);
    const std::string hint =
        arguments.size() > num_parameters
            ? ""
            : str(" If ", name,
                  "'s forward() method has default arguments, please make sure the "
                  "forward() method is declared with a corresponding `FORWARD_HAS_DEFAULT_ARGS` "
                  "macro.");
    fg::detail::fail(str(name, "'s forward() method expects ", num_parameters,
                         " argument(s), but received ", arguments.size(), ".", hint));
  }
  ENSURE(arguments.size() >= num_required && arguments.size() <= num_parameters, type_name(type),
         "'s forward() method expects at least ", num_required, " argument(s) and at most ",
         num_parameters, " argument(s), but received ", arguments.size(), ".");
  for (const auto& [position, value] : defaults) {
    if (position >= arguments.size()) arguments.push_back(value);
  }
  ENSURE(arguments.size() == num_parameters, type_name(type),
         "'s forward_defaults() must cover the last ", defaults.size(),
         " arguments of forward() without gaps, got ", arguments.size(), " of ", num_parameters);
}

}  // namespace fg::nn::detail
