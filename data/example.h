// Example: one sample of a dataset, or one batch of them.
#pragma once

#include "tensor/tensor.h"

namespace fg::data {
namespace example {
/// In place of a target: there is none.
using NoTarget = void;
}  // namespace example

/// What a model is fed with and what it should answer.
template <class Data = Tensor, class Target = Tensor>
struct Example {
  using DataType = Data;
  using TargetType = Target;

  Example() = default;
  Example(Data data, Target target) : data(std::move(data)), target(std::move(target)) {}

  /// Both parts on `device`; see Tensor::to.
  Example to(Device device, bool non_blocking = false) const {
    return {data.to(device, non_blocking), target.to(device, non_blocking)};
  }

  Data data;
  Target target;
};

template <class Data>
struct Example<Data, example::NoTarget> {
  using DataType = Data;
  using TargetType = example::NoTarget;

  Example() = default;
  /*implicit*/ Example(Data data) : data(std::move(data)) {}
  operator Data&() { return data; }
  operator const Data&() const { return data; }

  Data data;
};

using TensorExample = Example<Tensor, example::NoTarget>;

}  // namespace fg::data
