// Options of the recurrent layers and cells.
#pragma once

#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

using RNNNonlinearity = OneOf<enumtype::kTanh, enumtype::kReLU>;

/// `dropout`: between layers, in training. `batch_first`: [batch, length, features] instead of
/// [length, batch, features]. `bidirectional`: a second pass from the end, joined to the first.
struct RNNOptions {
  RNNOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(int64_t, num_layers) = 1;
  FUSEGRAD_ARG(RNNNonlinearity, nonlinearity) = kTanh;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(bool, batch_first) = false;
  FUSEGRAD_ARG(double, dropout) = 0.0;
  FUSEGRAD_ARG(bool, bidirectional) = false;
};

/// `proj_size`, if not 0, is the width to which a matrix projects each hidden state.
struct LSTMOptions {
  LSTMOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(int64_t, num_layers) = 1;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(bool, batch_first) = false;
  FUSEGRAD_ARG(double, dropout) = 0.0;
  FUSEGRAD_ARG(bool, bidirectional) = false;
  FUSEGRAD_ARG(int64_t, proj_size) = 0;
};

struct GRUOptions {
  GRUOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(int64_t, num_layers) = 1;
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(bool, batch_first) = false;
  FUSEGRAD_ARG(double, dropout) = 0.0;
  FUSEGRAD_ARG(bool, bidirectional) = false;
};

struct RNNCellOptions {
  RNNCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(bool, bias) = true;
  FUSEGRAD_ARG(RNNNonlinearity, nonlinearity) = kTanh;
};

struct LSTMCellOptions {
  LSTMCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(bool, bias) = true;
};

struct GRUCellOptions {
  GRUCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  FUSEGRAD_ARG(int64_t, input_size);
  FUSEGRAD_ARG(int64_t, hidden_size);
  FUSEGRAD_ARG(bool, bias) = true;
};

}  // namespace fg::nn
