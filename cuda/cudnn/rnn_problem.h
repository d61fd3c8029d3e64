// Recurrent layers as cuDNN is asked for them, in plain numbers: how it counts parameters, where they lie in its
// weight space, and what tells one cached description from another. Knows nothing of cuDNN, so that it is
// tested where there is none.
#pragma once

#include "tensor/kernels/recurrent.h"

namespace fg::cuda {

/// Key of what is kept of one stack of layers, so without padding (cuda/lru_cache.h).
struct RnnKey {
  int64_t input_size = 0, hidden_size = 0, proj_size = 0, num_layers = 0;
  RecurrentKind kind = RecurrentKind::RnnTanh;
  bool bias = false, bidirectional = false;
  ScalarType type = kFloat;
  bool allow_tf32 = false;
  bool equal_lengths = false;
  int16_t unused = 0;
};
/// `allow_tf32` counts for float only.
RnnKey make_rnn_key(const RecurrentGeometry& geometry, ScalarType type, bool allow_tf32);

/// Shapes of the parameters, in the order of tensor/kernels/recurrent.h.
std::vector<DimVector> recurrent_parameter_shapes(const RecurrentGeometry& geometry);

/// Steps of each sequence, the longest first.
std::vector<int32_t> sequence_lengths(const std::vector<int64_t>& batch_sizes);

/// One gate's matrix or bias, under cuDNN's numbers, and its elements in our parameter.
struct RnnPart {
  int32_t pseudo_layer, linear_id;
  bool is_bias;
  int64_t parameter, first, count;
};
/// All of them. cuDNN numbers pseudo layers as we number cells: by layer, then by direction. Linear ids count
/// the gates' input matrices, then the recurrent ones, in PyTorch's order of gates; 8 is an LSTM's projection.
std::vector<RnnPart> rnn_parts(const RecurrentGeometry& geometry);

/// Elements first to first + count - 1 of a parameter, which lie at `offset` in the weight space.
struct RnnSlice {
  int64_t parameter, first, count, offset;
  bool operator==(const RnnSlice&) const = default;
};
/// Joins slices that follow each other in both places, so that fewer copies are needed.
std::vector<RnnSlice> joined(const std::vector<RnnSlice>& slices);

}  // namespace fg::cuda
