// Most texts of errors are PyTorch's.
#include "nn/utils/rnn.h"

#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"

namespace fg::nn::utils::rnn {
namespace {

std::vector<int64_t> values_of(const Tensor& t) {
  const int64_t* data = t.const_data_ptr<int64_t>();
  return {data, data + t.numel()};
}

/// Of each packed step, in order: its row in padded sequences with time and sequence flattened.
Tensor padded_rows(const std::vector<int64_t>& batch_sizes, int64_t steps, int64_t count,
                   bool batch_first) {
  std::vector<int64_t> rows;
  for (int64_t t = 0; t < int64_t(batch_sizes.size()); ++t)
    for (int64_t b = 0; b < batch_sizes[size_t(t)]; ++b)
      rows.push_back(batch_first ? b * steps + t : t * count + b);
  return tensor(rows, kLong);
}

void check_lengths(const Tensor& input, const std::vector<int64_t>& lengths, bool batch_first) {
  const int64_t count = input.size(batch_first ? 0 : 1), steps = input.size(batch_first ? 1 : 0);
  ENSURE(int64_t(lengths.size()) == count,
         "Expected `len(lengths)` to be equal to batch_size, but got ", lengths.size(),
         " (batch_size=", count, ")");
  ENSURE(lengths.back() > 0 && *std::min_element(lengths.begin(), lengths.end()) > 0,
         "Length of all samples has to be greater than 0, but found an element in 'lengths' that "
         "is <= 0");
  ENSURE(
      std::is_sorted(lengths.rbegin(), lengths.rend()),
      "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
      "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
      "requirement if you do not need ONNX exportability.");
  ENSURE(lengths[0] <= steps, "pack_padded_sequence: lengths must be at most ", steps,
         " (the steps of input ", input.sizes(), "), got ", lengths[0]);
}

}  // namespace

Tensor invert_permutation(const Tensor& permutation) {
  if (!permutation.defined()) return {};
  return empty_like(permutation)
      .scatter_(0, permutation, arange(permutation.numel(), permutation.options()));
}

PackedSequence::PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices,
                               Tensor unsorted_indices)
    : data_(std::move(data)),
      batch_sizes_(std::move(batch_sizes)),
      sorted_indices_(std::move(sorted_indices)),
      unsorted_indices_(std::move(unsorted_indices)) {
  ENSURE(batch_sizes_.device().is_cpu(), "PackedSequence: batch_sizes must be on the CPU, got ",
         batch_sizes_.device());
  if (!unsorted_indices_.defined()) unsorted_indices_ = invert_permutation(sorted_indices_);
}

PackedSequence PackedSequence::to(const TensorOptions& options) const {
  const Tensor data = data_.to(options);
  if (data.is_same(data_)) return *this;
  const auto moved = [&](const Tensor& indices) {
    return indices.defined() ? indices.to(data.device()) : Tensor();
  };
  return PackedSequence(data, batch_sizes_, moved(sorted_indices_), moved(unsorted_indices_));
}

PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths, bool batch_first,
                                    bool enforce_sorted) {
  ENSURE(input.dim() >= 2, "pack_padded_sequence: input must have at least 2 dims, got shape ",
         input.sizes());
  ENSURE(input.numel() > 0, "Cannot pack empty tensors.");
  ENSURE(lengths.dim() == 1 && lengths.device().is_cpu() && !lengths.is_floating_point(),
         "'lengths' argument should be a 1D CPU int64 tensor, but got ", lengths.dim(), "D ",
         lengths.device(), ' ', lengths.dtype(), " tensor");
  Tensor sorted_lengths = lengths.to(kLong).contiguous(), sorted_indices, sorted = input;
  if (!enforce_sorted) {
    std::tie(sorted_lengths, sorted_indices) = sorted_lengths.sort(-1, /*descending=*/true);
    sorted_indices = sorted_indices.to(input.device());
    sorted = input.index_select(batch_first ? 0 : 1, sorted_indices);
  }
  const std::vector<int64_t> sizes = values_of(sorted_lengths);
  check_lengths(sorted, sizes, batch_first);

  std::vector<int64_t> batch_sizes;
  for (int64_t t = 0; t < sizes[0]; ++t)
    batch_sizes.push_back(
        std::count_if(sizes.begin(), sizes.end(), [t](int64_t size) { return size > t; }));
  const int64_t steps = input.size(batch_first ? 1 : 0);
  const Tensor rows = padded_rows(batch_sizes, steps, int64_t(sizes.size()), batch_first);
  return PackedSequence(sorted.flatten(0, 1).index_select(0, rows.to(input.device())),
                        tensor(batch_sizes, kLong), sorted_indices);
}

std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first,
                                               double padding_value,
                                               optional<int64_t> total_length) {
  const std::vector<int64_t> batch_sizes = values_of(sequence.batch_sizes().contiguous());
  ENSURE(!batch_sizes.empty(), "pad_packed_sequence: sequence must not be empty");
  const int64_t longest = int64_t(batch_sizes.size()), count = batch_sizes[0];
  const int64_t steps = total_length.value_or(longest);
  ENSURE(steps >= longest,
         "Expected total_length to be at least the length of the longest sequence in input, but "
         "got total_length=",
         steps, " and max sequence length being ", longest);

  const Tensor& data = sequence.data();
  DimVector sizes(data.sizes().begin(), data.sizes().end());
  sizes[0] = steps * count;
  const Tensor rows = padded_rows(batch_sizes, steps, count, batch_first).to(data.device());
  Tensor padded =
      index_copy(full(sizes, padding_value, data.options()), 0, rows, data)
          .unflatten(0, batch_first ? IntArrayRef{count, steps} : IntArrayRef{steps, count});
  std::vector<int64_t> lengths(size_t(count), 0);
  for (const int64_t size : batch_sizes)
    for (int64_t b = 0; b < size; ++b) ++lengths[size_t(b)];
  Tensor result_lengths = tensor(lengths, kLong);
  const Tensor& order = sequence.unsorted_indices();
  if (order.defined()) {
    padded = padded.index_select(batch_first ? 0 : 1, order);
    result_lengths = result_lengths.index_select(0, order.to(kCPU));
  }
  return {padded, result_lengths};
}

Tensor pad_sequence(TensorList sequences, bool batch_first, double padding_value) {
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

PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted) {
  const Tensor padded = pad_sequence(sequences);
  std::vector<int64_t> lengths;
  for (const Tensor& sequence : sequences) lengths.push_back(sequence.size(0));
  return pack_padded_sequence(padded, tensor(lengths, kLong), false, enforce_sorted);
}

}  // namespace fg::nn::utils::rnn
