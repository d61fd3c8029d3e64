// gradcheck: analytical gradients against central differences, in double.
#pragma once

#include "autograd/engine.h"

namespace fg::autograd {

/// A function of tensors whose gradients are to be checked.
using CheckedFunction = std::function<variable_list(const variable_list&)>;

struct GradcheckOptions {
  double eps = 1e-6;
  double atol = 1e-5;
  double rtol = 1e-3;
  /// Largest difference allowed between two backward passes on the same values.
  double nondet_tol = 0;
};

/// Compares d(output)/d(input) for every floating output and every input that requires grad with
/// (f(x + eps) - f(x - eps)) / (2 eps), element by element: |a - n| <= atol + rtol |n|. Inputs that
/// are checked must be Double (any strides, no two elements at one address) and must not be changed
/// by `function`. Returns true, or throws fg::Error naming output, input, the worst pair of indices
/// and both values.
bool gradcheck(const CheckedFunction& function, const variable_list& inputs,
               const GradcheckOptions& options = {});

/// gradcheck of the gradient itself: second derivatives. `grad_outputs` default to random values.
bool gradgradcheck(const CheckedFunction& function, const variable_list& inputs,
                   const variable_list& grad_outputs = {}, const GradcheckOptions& options = {});

}  // namespace fg::autograd
