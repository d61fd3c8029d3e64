// Activation checkpointing: trade time for memory.
#pragma once

#include "autograd/engine.h"

namespace fg::autograd {

/// Runs `function(inputs)` without keeping its intermediate tensors; the backward pass runs it again
/// to get them. With `preserve_rng_state` the second run draws the random numbers of the first (so
/// dropout drops the same elements). `function` must compute the same both times. Gradients reach
/// `inputs` and whatever leaves `function` captures, such as parameters. At least one input must
/// require grad for anything to be recorded; call backward(), not grad(), on what depends on it.
variable_list checkpoint(const std::function<variable_list(const variable_list&)>& function,
                         const variable_list& inputs, bool preserve_rng_state = true);

}  // namespace fg::autograd
