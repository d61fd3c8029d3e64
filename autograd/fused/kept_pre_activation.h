// What a fused stage keeps of its pre-activation for the backward pass, for programs that compare it.
#pragma once

#include "autograd/node.h"

namespace fg {

/// A node that may keep a pre-activation.
class PreActivationKeeper {
 public:
  virtual ~PreActivationKeeper() = default;
  /// All of it, or where a pool follows perhaps its values at the maxima, in y's shape; undefined when it is
  /// computed again instead.
  virtual Tensor kept_pre_activation() const = 0;
};

/// Of the fused stage whose result is `y`, until a backward pass has freed it. Undefined for other tensors.
inline Tensor kept_pre_activation(const Tensor& y) {
  const auto* keeper = dynamic_cast<const PreActivationKeeper*>(y.grad_fn().get());
  return keeper ? keeper->kept_pre_activation() : Tensor();
}

}  // namespace fg
