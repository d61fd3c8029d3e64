#include "data/sampler.h"

#include <algorithm>
#include <numeric>

#include "tensor/factories.h"

namespace fg::data::samplers {
namespace {

Tensor number(size_t value) { return scalar_tensor(int64_t(value), kLong); }

/// A saved count that must not exceed `limit`.
size_t count_from(const StateDict& state, const char* sampler, const char* name, size_t limit) {
  const int64_t value = state[name].item<int64_t>();
  ENSURE(value >= 0 && size_t(value) <= limit, sampler, ": ", name,
         " of the saved state must be in [0, ", limit, "], got ", value);
  return size_t(value);
}

void check_same_size(const StateDict& state, const char* sampler, size_t size) {
  const int64_t saved = state["size"].item<int64_t>();
  ENSURE(saved == int64_t(size), sampler, ": the saved state must be one of ", size,
         " examples, got one of ", saved);
}

optional<std::vector<size_t>> take_range(size_t& index, size_t end, size_t first,
                                         size_t batch_size) {
  if (index >= end) return nullopt;
  std::vector<size_t> batch(std::min(batch_size, end - index));
  std::iota(batch.begin(), batch.end(), first + index);
  index += batch.size();
  return batch;
}

}  // namespace

void SequentialSampler::reset(optional<size_t> new_size) {
  size_ = new_size.value_or(size_);
  index_ = 0;
}

optional<std::vector<size_t>> SequentialSampler::next(size_t batch_size) {
  return take_range(index_, size_, 0, batch_size);
}

StateDict SequentialSampler::state_dict() const {
  return {{"size", number(size_)}, {"index", number(index_)}};
}

void SequentialSampler::load_state_dict(const StateDict& state) {
  check_same_size(state, "SequentialSampler", size_);
  index_ = count_from(state, "SequentialSampler", "index", size_);
}

RandomSampler::RandomSampler(int64_t size, optional<Generator> generator)
    : generator_(std::move(generator)) {
  ENSURE(size >= 0, "RandomSampler: size must not be negative, got ", size);
  reset(size_t(size));
}

void RandomSampler::reset(optional<size_t> new_size) {
  const int64_t size = new_size ? int64_t(*new_size) : indices_.numel();
  indices_ = generator_ ? randperm(size, *generator_) : randperm(size);
  index_ = 0;
}

optional<std::vector<size_t>> RandomSampler::next(size_t batch_size) {
  if (index_ >= indices_.numel()) return nullopt;
  const int64_t* first = indices_.data_ptr<int64_t>() + index_;
  const size_t count = std::min(batch_size, size_t(indices_.numel() - index_));
  index_ += int64_t(count);
  return std::vector<size_t>(first, first + count);
}

StateDict RandomSampler::state_dict() const {
  return {{"indices", indices_}, {"index", number(size_t(index_))}};
}

void RandomSampler::load_state_dict(const StateDict& state) {
  const Tensor indices = state["indices"].contiguous();
  ENSURE(indices.dtype() == kLong && indices.sizes() == indices_.sizes(),
         "RandomSampler: indices of the saved state must be Long ", indices_.sizes(), ", got ",
         indices.dtype(), ' ', indices.sizes());
  // A damaged file must not make a dataset read outside itself.
  const int64_t* values = indices.data_ptr<int64_t>();
  std::vector<bool> seen(size_t(indices.numel()));
  for (int64_t i = 0; i < indices.numel(); ++i) {
    ENSURE(values[i] >= 0 && values[i] < indices.numel() && !seen[size_t(values[i])],
           "RandomSampler: indices of the saved state must be a permutation of 0..",
           indices.numel() - 1, ", got ", values[i], " at position ", i);
    seen[size_t(values[i])] = true;
  }
  index_ = int64_t(count_from(state, "RandomSampler", "index", size_t(indices.numel())));
  indices_ = indices;
}

void StreamSampler::reset(optional<size_t> new_size) {
  epoch_size_ = new_size.value_or(epoch_size_);
  num_given_ = 0;
}

optional<BatchSize> StreamSampler::next(size_t batch_size) {
  if (num_given_ >= epoch_size_) return nullopt;
  const size_t count = std::min(batch_size, epoch_size_ - num_given_);
  num_given_ += count;
  return BatchSize(count);
}

StateDict StreamSampler::state_dict() const {
  return {{"size", number(epoch_size_)}, {"index", number(num_given_)}};
}

void StreamSampler::load_state_dict(const StateDict& state) {
  check_same_size(state, "StreamSampler", epoch_size_);
  num_given_ = count_from(state, "StreamSampler", "index", epoch_size_);
}

DistributedRandomSampler::DistributedRandomSampler(size_t size, size_t num_replicas, size_t rank,
                                                   bool allow_duplicates)
    : DistributedSampler(size, num_replicas, rank, allow_duplicates) {
  shuffle();
}

void DistributedRandomSampler::reset(optional<size_t> new_size) {
  size_ = new_size.value_or(size_);
  shuffle();
}

/// All processes draw the same permutation of all examples and keep their own part of it.
void DistributedRandomSampler::shuffle() {
  index_ = 0;
  indices_.clear();
  if (size_ == 0) return;
  Generator generator;
  generator.manual_seed(epoch_);
  const Tensor all = randperm(int64_t(size_), generator);
  const size_t count = local_sample_count(), first = rank_ * count;
  for (size_t i = first; i < first + count; ++i) {
    indices_.push_back(size_t(all.data_ptr<int64_t>()[i % size_]));
  }
}

optional<std::vector<size_t>> DistributedRandomSampler::next(size_t batch_size) {
  if (index_ >= indices_.size()) return nullopt;
  const auto first = indices_.begin() + int64_t(index_);
  const size_t count = std::min(batch_size, indices_.size() - index_);
  index_ += count;
  return std::vector<size_t>(first, first + int64_t(count));
}

StateDict DistributedRandomSampler::state_dict() const {
  return {{"size", number(size_)}, {"epoch", number(epoch_)}, {"index", number(index_)}};
}

void DistributedRandomSampler::load_state_dict(const StateDict& state) {
  check_same_size(state, "DistributedRandomSampler", size_);
  epoch_ = count_from(state, "DistributedRandomSampler", "epoch", INT64_MAX);
  const size_t index = count_from(state, "DistributedRandomSampler", "index", local_sample_count());
  shuffle();
  index_ = index;
}

DistributedSequentialSampler::DistributedSequentialSampler(size_t size, size_t num_replicas,
                                                           size_t rank, bool allow_duplicates)
    : DistributedSampler(size, num_replicas, rank, allow_duplicates) {}

void DistributedSequentialSampler::reset(optional<size_t> new_size) {
  size_ = new_size.value_or(size_);
  index_ = 0;
}

optional<std::vector<size_t>> DistributedSequentialSampler::next(size_t batch_size) {
  const size_t count = local_sample_count();
  auto batch = take_range(index_, count, rank_ * count, batch_size);
  if (batch) {
    for (size_t& index : *batch) index %= size_;
  }
  return batch;
}

StateDict DistributedSequentialSampler::state_dict() const {
  return {{"size", number(size_)}, {"index", number(index_)}};
}

void DistributedSequentialSampler::load_state_dict(const StateDict& state) {
  check_same_size(state, "DistributedSequentialSampler", size_);
  index_ = count_from(state, "DistributedSequentialSampler", "index", local_sample_count());
}

}  // namespace fg::data::samplers
