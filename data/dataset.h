// Datasets: where batches come from. The spelling is libtorch's.
#pragma once

#include <memory>
#include <vector>

#include "data/example.h"
#include "serialize/archive.h"
#include "tensor/array_ref.h"
#include "tensor/factories.h"

namespace fg::data::datasets {

template <class Source, class Transform>
class MapDataset;
template <class Source, class Transform>
MapDataset<Source, Transform> map(Source source, Transform transform);

/// Gives whole batches for a request: by default a list of indices. `Self` is the derived class.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = ArrayRef<size_t>>
class BatchDataset {
 public:
  using SelfType = Self;
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;
  static constexpr bool is_stateful = false;

  virtual ~BatchDataset() = default;
  virtual Batch get_batch(BatchRequest request) = 0;
  /// Number of examples, if it is known.
  virtual optional<size_t> size() const = 0;

  /// This dataset with `transform` applied to each of its batches.
  template <class Transform>
  MapDataset<Self, Transform> map(Transform transform) & {
    return datasets::map(static_cast<Self&>(*this), std::move(transform));
  }
  template <class Transform>
  MapDataset<Self, Transform> map(Transform transform) && {
    return datasets::map(std::move(static_cast<Self&>(*this)), std::move(transform));
  }
};

/// Gives single examples; a batch is the vector of them.
template <class Self, class SingleExample = Example<>>
class Dataset : public BatchDataset<Self, std::vector<SingleExample>> {
 public:
  using ExampleType = SingleExample;

  virtual ExampleType get(size_t index) = 0;
  std::vector<ExampleType> get_batch(ArrayRef<size_t> indices) override {
    std::vector<ExampleType> batch;
    batch.reserve(indices.size());
    for (const size_t index : indices) batch.push_back(get(index));
    return batch;
  }
};

/// A dataset that is asked for so many examples, not for which.
template <class Self, class Batch = std::vector<Example<>>>
using StreamDataset = BatchDataset<Self, Batch, size_t>;

/// A dataset that keeps its own place: it returns batches until it has none, and starts anew at
/// reset(). Worker threads share one object, so get_batch must be safe to call from several.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = size_t>
class StatefulDataset : public BatchDataset<Self, optional<Batch>, BatchRequest> {
 public:
  static constexpr bool is_stateful = true;
  virtual void reset() = 0;
  // For datasets that can save their place.
  virtual void save(serialize::OutputArchive&) const {
    fg::detail::fail("StatefulDataset: this kind of dataset cannot be saved, it has no save");
  }
  virtual void load(serialize::InputArchive&) {
    fg::detail::fail("StatefulDataset: this kind of dataset cannot be loaded, it has no load");
  }
};

namespace detail {
/// What a transform makes of a source's batch; an exhausted stateful source stays exhausted.
template <class Source, class Transform>
struct Mapped {
  using Type =
      decltype(std::declval<Transform&>().apply_batch(std::declval<typename Source::BatchType>()));
};
template <class Source, class Transform>
requires Source::is_stateful struct Mapped<Source, Transform> {
  using Type = optional<decltype(std::declval<Transform&>().apply_batch(
      *std::declval<typename Source::BatchType>()))>;
};
}  // namespace detail

/// `source` with a transform applied to each batch.
template <class Source, class Transform>
class MapDataset : public BatchDataset<MapDataset<Source, Transform>,
                                       typename detail::Mapped<Source, Transform>::Type,
                                       typename Source::BatchRequestType> {
 public:
  using DatasetType = Source;
  using TransformType = Transform;
  using BatchRequestType = typename Source::BatchRequestType;
  using OutputBatchType = typename detail::Mapped<Source, Transform>::Type;
  static constexpr bool is_stateful = Source::is_stateful;

  MapDataset(Source dataset, Transform transform)
      : dataset_(std::move(dataset)), transform_(std::move(transform)) {}

  OutputBatchType get_batch(BatchRequestType request) override {
    auto batch = dataset_.get_batch(std::move(request));
    if constexpr (is_stateful) {
      if (!batch) return nullopt;
      return transform_.apply_batch(*std::move(batch));
    } else {
      return transform_.apply_batch(std::move(batch));
    }
  }
  optional<size_t> size() const override { return dataset_.size(); }
  void reset() requires is_stateful { dataset_.reset(); }
  const Source& dataset() const noexcept { return dataset_; }
  const Transform& transform() const noexcept { return transform_; }

 private:
  Source dataset_;
  Transform transform_;
};

template <class Source, class Transform>
MapDataset<Source, Transform> map(Source source, Transform transform) {
  return {std::move(source), std::move(transform)};
}

/// A handle to one dataset that copies of it (one per worker thread) share.
template <class Underlying>
class SharedBatchDataset
    : public BatchDataset<SharedBatchDataset<Underlying>, typename Underlying::BatchType,
                          typename Underlying::BatchRequestType> {
 public:
  using BatchType = typename Underlying::BatchType;
  using BatchRequestType = typename Underlying::BatchRequestType;
  static constexpr bool is_stateful = Underlying::is_stateful;

  explicit SharedBatchDataset(std::shared_ptr<Underlying> dataset) : dataset_(std::move(dataset)) {}

  BatchType get_batch(BatchRequestType request) override {
    return dataset_->get_batch(std::move(request));
  }
  optional<size_t> size() const override { return dataset_->size(); }
  void reset() { dataset_->reset(); }
  Underlying& operator*() { return *dataset_; }
  const Underlying& operator*() const { return *dataset_; }
  Underlying* operator->() { return dataset_.get(); }
  const Underlying* operator->() const { return dataset_.get(); }

 private:
  std::shared_ptr<Underlying> dataset_;
};

template <class Underlying, class... Args>
SharedBatchDataset<Underlying> make_shared_dataset(Args&&... args) {
  return SharedBatchDataset<Underlying>(std::make_shared<Underlying>(std::forward<Args>(args)...));
}

/// The rows of one tensor, without targets.
class TensorDataset : public Dataset<TensorDataset, TensorExample> {
 public:
  explicit TensorDataset(Tensor tensor) : tensor_(std::move(tensor)) {}
  /// Examples that all have the first one's shape.
  explicit TensorDataset(const std::vector<Tensor>& tensors);

  TensorExample get(size_t index) override { return tensor_[int64_t(index)]; }
  optional<size_t> size() const override { return size_t(tensor_.size(0)); }

 private:
  Tensor tensor_;
};

/// Data [N, ...] and targets [N, ...] in memory. A batch is gathered at once by index_select, so it is
/// an Example that needs no Stack, and much faster than examples stacked one by one.
class TensorBatches : public BatchDataset<TensorBatches, Example<>> {
 public:
  /// Throws unless both have the same number of rows.
  TensorBatches(Tensor data, Tensor target);

  Example<> get_batch(ArrayRef<size_t> indices) override;
  optional<size_t> size() const override { return size_t(all_.data.size(0)); }
  /// The whole dataset as one batch.
  const Example<>& all() const { return all_; }

 private:
  Example<> all_;
};

}  // namespace fg::data::datasets
