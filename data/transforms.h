// Transforms: what happens to a batch between dataset and model. The spelling is libtorch's.
#pragma once

#include <functional>
#include <vector>

#include "data/example.h"
#include "tensor/array_ref.h"
#include "tensor/factories.h"

namespace fg::data {
namespace datasets::detail {
/// Tensors of one shape and dtype along a new first dim. Errors start with `op` and `name`.
Tensor stack(const char* op, const char* name, ArrayRef<Tensor> tensors);
}  // namespace datasets::detail

namespace transforms {

/// Batch to batch.
template <class InputBatch, class OutputBatch>
class BatchTransform {
 public:
  using InputBatchType = InputBatch;
  using OutputBatchType = OutputBatch;

  virtual ~BatchTransform() = default;
  virtual OutputBatch apply_batch(InputBatch batch) = 0;
};

/// Example to example.
template <class Input, class Output>
class Transform : public BatchTransform<std::vector<Input>, std::vector<Output>> {
 public:
  using InputType = Input;
  using OutputType = Output;

  virtual Output apply(Input input) = 0;
  std::vector<Output> apply_batch(std::vector<Input> batch) override {
    std::vector<Output> result;
    result.reserve(batch.size());
    for (Input& input : batch) result.push_back(apply(std::move(input)));
    return result;
  }
};

/// A batch transform made of a function.
template <class Input, class Output = Input>
class BatchLambda : public BatchTransform<Input, Output> {
 public:
  using FunctionType = std::function<Output(Input)>;
  explicit BatchLambda(FunctionType function) : function_(std::move(function)) {}
  Output apply_batch(Input batch) override { return function_(std::move(batch)); }

 private:
  FunctionType function_;
};

/// A transform of examples made of a function.
template <class Input, class Output = Input>
class Lambda : public Transform<Input, Output> {
 public:
  using FunctionType = std::function<Output(Input)>;
  explicit Lambda(FunctionType function) : function_(std::move(function)) {}
  Output apply(Input input) override { return function_(std::move(input)); }

 private:
  FunctionType function_;
};

/// Changes the data of an example and leaves its target alone.
template <class Target = Tensor>
class TensorTransform : public Transform<Example<Tensor, Target>, Example<Tensor, Target>> {
 public:
  virtual Tensor operator()(Tensor input) = 0;
  Example<Tensor, Target> apply(Example<Tensor, Target> input) override {
    input.data = (*this)(std::move(input.data));
    return input;
  }
};

template <class Target = Tensor>
class TensorLambda : public TensorTransform<Target> {
 public:
  using FunctionType = std::function<Tensor(Tensor)>;
  explicit TensorLambda(FunctionType function) : function_(std::move(function)) {}
  Tensor operator()(Tensor input) override { return function_(std::move(input)); }

 private:
  FunctionType function_;
};

/// `(x - mean) / stddev`, one value of each per channel; examples are [channels, height, width].
template <class Target = Tensor>
class Normalize : public TensorTransform<Target> {
 public:
  Normalize(ArrayRef<double> mean, ArrayRef<double> stddev)
      : mean_(per_channel(mean)), stddev_(per_channel(stddev)) {}
  Tensor operator()(Tensor input) override {
    const ScalarType dtype = input.is_floating_point() ? input.dtype() : kFloat;
    const TensorOptions options = input.options().dtype(dtype);
    return input.sub(mean_.to(options)).div(stddev_.to(options));
  }
  using TensorTransform<Target>::apply_batch;
  /// A batch that is one tensor already: the channel dim broadcasts over it as well.
  Example<Tensor, Target> apply_batch(Example<Tensor, Target> batch) {
    return this->apply(std::move(batch));
  }

 private:
  static Tensor per_channel(ArrayRef<double> values) {
    return fg::tensor(values.vec(), kDouble).view({int64_t(values.size()), 1, 1});
  }
  Tensor mean_, stddev_;
};

/// Many examples to one value.
template <class Output, class BatchType = std::vector<Output>>
using Collation = BatchTransform<BatchType, Output>;
template <class Output, class BatchType = std::vector<Output>>
using Collate = BatchLambda<BatchType, Output>;

/// Examples to one Example whose tensors have a new first dim; all must have the first one's shape.
template <class Item = Example<>>
struct Stack : public Collation<Item> {
  Item apply_batch(std::vector<Item> examples) override {
    using datasets::detail::stack;
    std::vector<Tensor> data, target;
    for (const Item& example : examples) {
      data.push_back(example.data);
      if constexpr (kHasTarget) target.push_back(example.target);
    }
    if constexpr (kHasTarget)
      return {stack("Stack", "data", data), stack("Stack", "target", target)};
    else
      return stack("Stack", "data", data);
  }

 private:
  static constexpr bool kHasTarget = !std::is_void_v<typename Item::TargetType>;
};

}  // namespace transforms
}  // namespace fg::data
