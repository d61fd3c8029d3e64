#include "nn/utils.h"

#include "autograd/grad_mode.h"
#include "autograd/ops/join.h"

namespace fg::nn::utils {

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  ENSURE(!parameters.empty(), "parameters_to_vector: parameters must not be empty");
  std::vector<Tensor> parts;
  for (const Tensor& parameter : parameters) {
    ENSURE(parameter.device() == parameters[0].device(),
           "parameters_to_vector: parameters must be on one device, got ", parameters[0].device(),
           " and ", parameter.device());
    parts.push_back(parameter.reshape({-1}));
  }
  return fg::cat(parts);
}

void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters) {
  int64_t total = 0;
  for (const Tensor& parameter : parameters) total += parameter.numel();
  ENSURE(vector.dim() == 1 && vector.numel() == total,
         "vector_to_parameters: vector must have shape [", total,
         "] (elements of all parameters), got ", vector.sizes());
  NoGradGuard no_grad;
  int64_t offset = 0;
  for (const Tensor& parameter : parameters) {
    parameter.copy_(vector.slice(0, offset, offset + parameter.numel()).view_as(parameter));
    offset += parameter.numel();
  }
}

}  // namespace fg::nn::utils
