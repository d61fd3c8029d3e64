// Stacks of recurrent layers: what they compute is told by autograd/ops/recurrent.h, which holds the CPU's way
// in plain ops. On the GPU the whole stack is one call of cuDNN.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace fg {

enum class RecurrentKind : int8_t { RnnTanh, RnnRelu, Lstm, Gru };

/// Layers and sequences. The sequences' steps lie packed: first the first steps of all sequences, then the
/// second steps of all that have one, longer sequences in front. For equal lengths that is
/// [length, batch, features].
struct RecurrentGeometry {
  RecurrentKind kind = RecurrentKind::RnnTanh;
  int64_t input_size = 0, hidden_size = 0;
  /// Width to which an LSTM projects its hidden state, or 0.
  int64_t proj_size = 0;
  int64_t num_layers = 1;
  bool bias = true, bidirectional = false;
  /// How many sequences have a first step, a second step, ...; never rising, all positive.
  std::vector<int64_t> batch_sizes;

  int64_t directions() const { return 1 + bidirectional; }
  int64_t gates() const {
    return kind == RecurrentKind::Lstm ? 4 : kind == RecurrentKind::Gru ? 3 : 1;
  }
  /// Of the hidden state.
  int64_t width() const { return proj_size > 0 ? proj_size : hidden_size; }
  /// Tensors of one layer in one direction.
  size_t parameters_per_cell() const { return size_t(2 + 2 * bias + (proj_size > 0)); }
};

// Shapes: sequence [steps of all sequences, input_size]; states [the same, directions * width]; hidden
// [num_layers * directions, batch, width], and cell, of an LSTM only, [.., hidden_size]. Parameters per layer
// and, within a layer, per direction: weight_ih [gates * hidden_size, input], weight_hh [.., width], bias_ih,
// bias_hh [gates * hidden_size], where there are biases, weight_hr [proj_size, hidden_size], where there is a
// projection. Gates are stacked in PyTorch's order: i, f, g, o; r, z, n. All tensors contiguous, of one
// floating dtype; 16-bit types are summed in float. At least one sequence.

/// `hidden` and `cell` are the final states. The last two are for the backward pass: the parameters as the
/// kernels take them, and what the forward pass kept; `reserve` is undefined unless training.
struct RecurrentResult {
  Tensor states, hidden, cell;
  Tensor packed_parameters, reserve;
};
/// Gradients of the four inputs; `parameters` is empty unless wanted.
struct RecurrentGrads {
  Tensor sequence, hidden, cell;
  std::vector<Tensor> parameters;
};

namespace cuda {
RecurrentResult recurrent_forward(const Tensor& sequence, const Tensor& hidden, const Tensor& cell,
                                  const std::vector<Tensor>& parameters,
                                  const RecurrentGeometry& geometry, bool training);
/// `grad` holds the gradients of states, hidden and cell; undefined ones are zero. `result` is what forward
/// returned, less hidden and cell, which are the initial ones here. Leaves `result` as it was.
RecurrentGrads recurrent_backward(const RecurrentResult& grad, const Tensor& sequence,
                                  const RecurrentResult& result, const RecurrentGeometry& geometry,
                                  bool want_parameters);
}  // namespace cuda

}  // namespace fg
