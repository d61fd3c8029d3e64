// DataLoader: batches of a dataset in a sampler's order, loaded ahead by worker threads if wanted. The
// spelling is libtorch's; the position can be saved and taken up again.
#pragma once

#include "data/dataset.h"
#include "data/loader_base.h"
#include "data/sampler.h"
#include "data/transforms.h"

namespace fg::data {

/// Loads what a sampler asks for. Every worker has a copy of the dataset; wrap it with
/// make_shared_dataset to share one.
template <class Dataset, class Sampler>
class StatelessDataLoader : public DataLoaderBase<Dataset, typename Dataset::BatchType,
                                                  typename Sampler::BatchRequestType> {
  using Base =
      DataLoaderBase<Dataset, typename Dataset::BatchType, typename Sampler::BatchRequestType>;

 public:
  StatelessDataLoader(Dataset dataset, Sampler sampler, const DataLoaderOptions& options)
      : Base(options, nullptr), sampler_(std::move(sampler)) {
    for (size_t i = 0; i < this->options_.workers; ++i) {
      this->workers_.emplace_back([this, dataset]() mutable { this->run_worker(dataset); });
    }
    if (this->options_.workers == 0) {
      this->main_thread_dataset_ = std::make_unique<Dataset>(std::move(dataset));
    }
  }
  ~StatelessDataLoader() override { this->join(); }  // before the members that workers use go

  /// The order of the epoch under way and the number of batches that the user has got of it.
  /// Prefetched batches do not count. With a sampler that can be saved and copied.
  StateDict state_dict() const requires std::is_copy_constructible_v<Sampler> {
    StateDict state = {{"batch_size", scalar_tensor(int64_t(this->options_.batch_size), kLong)},
                       {"num_batches", scalar_tensor(num_delivered_, kLong)},
                       {"in_epoch", scalar_tensor(bool(epoch_start_), kBool)}};
    if (epoch_start_) insert_section(state, "sampler", epoch_start_->state_dict());
    return state;
  }
  /// The next begin() goes on after the batches that the saved loader had given out.
  void load_state_dict(const StateDict& state) requires std::is_copy_constructible_v<Sampler> {
    const int64_t batch_size = state["batch_size"].item<int64_t>();
    ENSURE(batch_size == int64_t(this->options_.batch_size),
           "DataLoader: batch_size must be that of the saved state, ", batch_size, ", got ",
           this->options_.batch_size);
    num_delivered_ = state["num_batches"].item<int64_t>();
    epoch_start_ = nullopt;
    resume_ = state["in_epoch"].item<bool>();
    if (!resume_) return;
    sampler_.load_state_dict(find_section(state, "sampler"));
    epoch_start_.emplace(sampler_);
  }

 private:
  void start_epoch() override {
    if (std::exchange(resume_, false)) {
      const auto skip = [this] { return sampler_.next(this->options_.batch_size).has_value(); };
      for (int64_t i = 0; i < num_delivered_ && skip();) ++i;
      return;
    }
    sampler_.reset(nullopt);
    num_delivered_ = 0;
    if constexpr (std::is_copy_constructible_v<Sampler>) epoch_start_.emplace(sampler_);
  }
  optional<typename Sampler::BatchRequestType> next_request() override {
    auto request = sampler_.next(this->options_.batch_size);
    if (!request) return nullopt;
    if (this->options_.drop_last && request->size() < this->options_.batch_size) return nullopt;
    return request;
  }
  void note_delivery(bool has_batch) override {
    if (has_batch)
      ++num_delivered_;
    else
      epoch_start_ = nullopt, num_delivered_ = 0;
  }

  Sampler sampler_;
  optional<Sampler> epoch_start_;  // the sampler as it was when the epoch began
  int64_t num_delivered_ = 0;
  bool resume_ = false;
};

/// Loads from a dataset that keeps its own place; the workers share it.
template <class Dataset>
class StatefulDataLoader : public DataLoaderBase<Dataset, typename Dataset::BatchType::value_type,
                                                 typename Dataset::BatchRequestType> {
  using Base = DataLoaderBase<Dataset, typename Dataset::BatchType::value_type,
                              typename Dataset::BatchRequestType>;

 public:
  StatefulDataLoader(Dataset dataset, const DataLoaderOptions& options)
      : Base(options, std::make_unique<Dataset>(std::move(dataset))) {
    for (size_t i = 0; i < this->options_.workers; ++i) {
      this->workers_.emplace_back([this] { this->run_worker(*this->main_thread_dataset_); });
    }
  }
  ~StatefulDataLoader() override { this->join(); }

 private:
  void start_epoch() override { this->main_thread_dataset_->reset(); }
  optional<typename Dataset::BatchRequestType> next_request() override {
    return typename Dataset::BatchRequestType(this->options_.batch_size);
  }
};

template <class T>
concept AnySampler = requires {
  typename T::BatchRequestType;
};
template <class T>
concept StatelessSource = !T::is_stateful;
template <class T>
concept StatefulSource = T::is_stateful;

/// A loader of `dataset` in the order of `sampler`.
template <StatelessSource Dataset, AnySampler Sampler>
auto make_data_loader(Dataset dataset, Sampler sampler, DataLoaderOptions options = {}) {
  return std::make_unique<StatelessDataLoader<Dataset, Sampler>>(std::move(dataset),
                                                                 std::move(sampler), options);
}

/// A loader of `dataset` in the order of a `Sampler` made with its size: random unless named.
template <AnySampler Sampler = samplers::RandomSampler, StatelessSource Dataset>
auto make_data_loader(Dataset dataset, DataLoaderOptions options = {}) {
  const optional<size_t> size = dataset.size();
  ENSURE(size, "Expected the dataset to be sized in order to construct the Sampler");
  return make_data_loader(std::move(dataset), Sampler(*size), options);
}

/// A loader of a dataset that keeps its own place.
template <StatefulSource Dataset>
auto make_data_loader(Dataset dataset, DataLoaderOptions options = {}) {
  return std::make_unique<StatefulDataLoader<Dataset>>(std::move(dataset), options);
}

}  // namespace fg::data
