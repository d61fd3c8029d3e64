// Sequences of different lengths: padded to one tensor, or packed without padding for recurrent layers.
#pragma once

#include "tensor/tensor.h"

namespace fg::nn::utils::rnn {

/// Steps of several sequences, ordered by time: `data` holds the first steps of all, then the second
/// steps of all that have one, and so on, batch_sizes()[t] (Long, CPU) of them at step t; longer
/// sequences come first. sorted_indices, where defined, says which sequence each was before that
/// ordering; unsorted_indices is its inverse. Made by pack_padded_sequence and pack_sequence.
class PackedSequence {
 public:
  explicit PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices = {},
                          Tensor unsorted_indices = {});

  const Tensor& data() const { return data_; }
  const Tensor& batch_sizes() const { return batch_sizes_; }
  const Tensor& sorted_indices() const { return sorted_indices_; }
  const Tensor& unsorted_indices() const { return unsorted_indices_; }

  /// With the data converted and the indices on its device; batch_sizes stays where it is.
  PackedSequence to(const TensorOptions& options) const;
  PackedSequence cuda() const { return to(kCUDA); }
  PackedSequence cpu() const { return to(kCPU); }
  bool is_cuda() const { return data_.is_cuda(); }

 private:
  Tensor data_;
  Tensor batch_sizes_;
  Tensor sorted_indices_;
  Tensor unsorted_indices_;
};

/// The inverse of a 1-d Long permutation; undefined for an undefined one.
Tensor invert_permutation(const Tensor& permutation);

/// Packs padded sequences [longest, count, ...] (or with the count first). `lengths`: [count] integers
/// on the CPU, each at least 1, descending unless `enforce_sorted` is false. Differentiable.
PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths,
                                    bool batch_first = false, bool enforce_sorted = true);
/// The inverse: the padded sequences in their original order, and their lengths (Long). `total_length`:
/// at least the longest.
std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence,
                                               bool batch_first = false, double padding_value = 0.0,
                                               optional<int64_t> total_length = nullopt);

/// Sequences [length_i, ...] of equal trailing extents as one tensor [longest, count, ...], or with the
/// count first; shorter ones are filled up with `padding_value`. Differentiable.
Tensor pad_sequence(TensorList sequences, bool batch_first = false, double padding_value = 0);
/// Packs sequences [length_i, ...], by descending length unless `enforce_sorted` is false.
PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted = true);

}  // namespace fg::nn::utils::rnn
