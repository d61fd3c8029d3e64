// Samplers: the order in which a loader asks its dataset. The spelling is libtorch's.
#pragma once

#include <vector>

#include "serialize/archive.h"
#include "tensor/generator.h"
#include "tensor/state_dict.h"

namespace fg::data::samplers {

/// Gives the requests of one epoch, batch by batch.
template <class BatchRequest = std::vector<size_t>>
class Sampler {
 public:
  using BatchRequestType = BatchRequest;
  virtual ~Sampler() = default;

  /// Starts a new epoch, over `new_size` examples if given.
  virtual void reset(optional<size_t> new_size) = 0;
  /// The next request, for at most `batch_size` examples, or nullopt when the epoch is over.
  virtual optional<BatchRequest> next(size_t batch_size) = 0;
  /// Order and place, so that load_state_dict goes on with the same requests. Throws unless a
  /// sampler overrides both.
  virtual StateDict state_dict() const {
    fg::detail::fail("Sampler: this kind of sampler cannot be saved, it has no state_dict");
  }
  virtual void load_state_dict(const StateDict&) {
    fg::detail::fail("Sampler: this kind of sampler cannot be restored, it has no load_state_dict");
  }
  /// The same by way of an archive: what save() and load() of serialize/archive.h call.
  virtual void save(serialize::OutputArchive& archive) const {
    for (const auto& item : state_dict()) archive.write(item.key(), item.value());
  }
  virtual void load(serialize::InputArchive& archive) { load_state_dict(archive.tensors()); }
};

/// 0, 1, 2, ...
class SequentialSampler : public Sampler<> {
 public:
  explicit SequentialSampler(size_t size) : size_(size) {}
  void reset(optional<size_t> new_size = nullopt) override;
  optional<std::vector<size_t>> next(size_t batch_size) override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;
  size_t index() const noexcept { return index_; }

 private:
  size_t size_;
  size_t index_ = 0;
};

/// A permutation for each epoch, drawn with randperm when made and at each reset: from the generator
/// given here, else from the default generator.
class RandomSampler : public Sampler<> {
 public:
  explicit RandomSampler(int64_t size, optional<Generator> generator = nullopt);
  void reset(optional<size_t> new_size = nullopt) override;
  optional<std::vector<size_t>> next(size_t batch_size) override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;
  size_t index() const noexcept { return size_t(index_); }

 private:
  optional<Generator> generator_;
  Tensor indices_;  // never written to after it is drawn: copies of a sampler share it
  int64_t index_ = 0;
};

/// A request that is more than a list of indices.
struct CustomBatchRequest {
  CustomBatchRequest() = default;
  CustomBatchRequest(const CustomBatchRequest&) = default;
  CustomBatchRequest(CustomBatchRequest&&) = default;
  CustomBatchRequest& operator=(const CustomBatchRequest&) = default;
  CustomBatchRequest& operator=(CustomBatchRequest&&) = default;
  virtual ~CustomBatchRequest() = default;
  virtual size_t size() const = 0;
};

/// Just a number of examples.
struct BatchSize : public CustomBatchRequest {
  explicit BatchSize(size_t size) : size_(size) {}
  size_t size() const noexcept override { return size_; }
  operator size_t() const noexcept { return size_; }

 private:
  size_t size_;
};

/// For datasets that choose their examples themselves: numbers that sum to `epoch_size`.
class StreamSampler : public Sampler<BatchSize> {
 public:
  explicit StreamSampler(size_t epoch_size) : epoch_size_(epoch_size) {}
  void reset(optional<size_t> new_size = nullopt) override;
  optional<BatchSize> next(size_t batch_size) override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;

 private:
  size_t epoch_size_;
  size_t num_given_ = 0;
};

/// Shares the examples among `num_replicas` processes, of which this is number `rank`. All get the
/// same count: with `allow_duplicates` the last ones are filled up from the front, else the rest that
/// does not divide is left out.
template <class BatchRequest = std::vector<size_t>>
class DistributedSampler : public Sampler<BatchRequest> {
 public:
  DistributedSampler(size_t size, size_t num_replicas = 1, size_t rank = 0,
                     bool allow_duplicates = true)
      : size_(size), num_replicas_(num_replicas), rank_(rank), allow_duplicates_(allow_duplicates) {
    ENSURE(num_replicas > 0 && rank < num_replicas, "DistributedSampler: rank must be below ",
           "num_replicas = ", num_replicas, ", got ", rank);
  }
  /// Names the epoch, on which the shuffle depends; call before each epoch.
  void set_epoch(size_t epoch) { epoch_ = epoch; }
  size_t epoch() const { return epoch_; }

 protected:
  size_t local_sample_count() const {
    const size_t rounding = allow_duplicates_ ? num_replicas_ - 1 : 0;
    return (size_ + rounding) / num_replicas_;
  }

  size_t size_;
  size_t num_replicas_;
  size_t rank_;
  size_t epoch_ = 0;
  bool allow_duplicates_;
};

/// A permutation that depends on the epoch's number alone, so that all processes agree on it.
class DistributedRandomSampler : public DistributedSampler<> {
 public:
  DistributedRandomSampler(size_t size, size_t num_replicas = 1, size_t rank = 0,
                           bool allow_duplicates = true);
  void reset(optional<size_t> new_size = nullopt) override;
  optional<std::vector<size_t>> next(size_t batch_size) override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;
  size_t index() const noexcept { return index_; }

 private:
  void shuffle();

  size_t index_ = 0;
  std::vector<size_t> indices_;
};

/// A contiguous share of 0, 1, 2, ... for each process.
class DistributedSequentialSampler : public DistributedSampler<> {
 public:
  DistributedSequentialSampler(size_t size, size_t num_replicas = 1, size_t rank = 0,
                               bool allow_duplicates = true);
  void reset(optional<size_t> new_size = nullopt) override;
  optional<std::vector<size_t>> next(size_t batch_size) override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;
  size_t index() const noexcept { return index_; }

 private:
  size_t index_ = 0;
};

}  // namespace fg::data::samplers
