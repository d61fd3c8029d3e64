// Stacks of recurrent layers (RNN, LSTM, GRU), the part of nn's recurrent modules that computes.
#pragma once

#include "tensor/kernels/recurrent.h"

namespace fg::detail {

/// Hidden state and, of an LSTM, cell state.
struct RecurrentState {
  Tensor hidden;
  Tensor cell;
};

/// Parameters of one layer in one direction; absent ones are undefined.
struct CellWeights {
  Tensor w_ih, w_hh, b_ih, b_hh, w_hr;
};

/// The state after one step from `x_gates` = W_ih x + b_ih.
RecurrentState next_state(RecurrentKind kind, const Tensor& x_gates, const RecurrentState& state,
                          const CellWeights& w);

/// The last layer's states over packed sequences; `state` goes from the initial to the final states. Shapes
/// and the order of `parameters`: tensor/kernels/recurrent.h. On the GPU one node ("LstmBackward", ...), by
/// cuDNN; in plain ops on the CPU, for a gradient that is itself recorded, and under ComposedGuard.
Tensor recurrent_layers(const Tensor& sequence, const std::vector<Tensor>& parameters,
                        const RecurrentGeometry& geometry, RecurrentState& state);

}  // namespace fg::detail
