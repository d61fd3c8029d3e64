#include "nn/utils.h"

#include "autograd/grad_mode.h"
#include "autograd/ops/join.h"
#include "autograd/ops/pad.h"

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

Tensor rnn::pad_sequence(TensorList sequences, bool batch_first, double padding_value) {
  ENSURE(!sequences.empty(), "pad_sequence: sequences must not be empty");
  int64_t longest = 0;
  for (const Tensor& sequence : sequences) {
    ENSURE(sequence.dim() > 0 && sequence.dim() == sequences[0].dim() &&
               sequence.sizes().slice(1) == sequences[0].sizes().slice(1),
           "pad_sequence: sequences must agree in all extents but the first, got ",
           sequences[0].sizes(), " and ", sequence.sizes());
    longest = std::max(longest, sequence.size(0));
  }
  std::vector<Tensor> padded;
  for (const Tensor& sequence : sequences) {
    // The first dim's padding comes last in the list.
    std::vector<int64_t> padding(size_t(2 * sequence.dim()), 0);
    padding.back() = longest - sequence.size(0);
    padded.push_back(fg::constant_pad_nd(sequence, padding, padding_value));
  }
  return fg::stack(padded, batch_first ? 0 : 1);
}

}  // namespace fg::nn::utils
