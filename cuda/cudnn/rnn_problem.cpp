#include "cuda/cudnn/rnn_problem.h"

#include <algorithm>

#include "tensor/shape.h"

namespace fg::cuda {

RnnKey make_rnn_key(const RecurrentGeometry& g, ScalarType type, bool allow_tf32) {
  RnnKey key{g.input_size, g.hidden_size, g.proj_size,     g.num_layers,
             g.kind,       g.bias,        g.bidirectional, type};
  key.allow_tf32 = allow_tf32 && type == kFloat;
  key.equal_lengths = g.batch_sizes.front() == g.batch_sizes.back();
  return key;
}

std::vector<DimVector> recurrent_parameter_shapes(const RecurrentGeometry& g) {
  const int64_t rows = g.gates() * g.hidden_size;
  std::vector<DimVector> shapes;
  for (int64_t cell = 0; cell < g.num_layers * g.directions(); ++cell) {
    const bool first_layer = cell < g.directions();
    shapes.push_back({rows, first_layer ? g.input_size : g.width() * g.directions()});
    shapes.push_back({rows, g.width()});
    if (g.bias) shapes.insert(shapes.end(), 2, DimVector{rows});
    if (g.proj_size > 0) shapes.push_back({g.proj_size, g.hidden_size});
  }
  return shapes;
}

std::vector<int32_t> sequence_lengths(const std::vector<int64_t>& batch_sizes) {
  std::vector<int32_t> lengths(size_t(batch_sizes.front()), 0);
  for (const int64_t batch : batch_sizes)
    for (int64_t i = 0; i < batch; ++i) ++lengths[size_t(i)];
  return lengths;
}

std::vector<RnnPart> rnn_parts(const RecurrentGeometry& g) {
  constexpr int32_t kProjection = 8;
  const std::vector<DimVector> shapes = recurrent_parameter_shapes(g);
  const int64_t per_cell = int64_t(g.parameters_per_cell());
  std::vector<RnnPart> parts;
  for (int64_t i = 0; i < int64_t(shapes.size()); ++i) {
    const int64_t place = i % per_cell, numel = numel_of(shapes[size_t(i)]);
    const auto layer = int32_t(i / per_cell);
    if (g.proj_size > 0 && place == per_cell - 1) {
      parts.push_back({layer, kProjection, false, i, 0, numel});
      continue;
    }
    const int64_t count = numel / g.gates(), recurrent = place % 2;
    for (int64_t gate = 0; gate < g.gates(); ++gate)
      parts.push_back(
          {layer, int32_t(recurrent * g.gates() + gate), place >= 2, i, gate * count, count});
  }
  return parts;
}

std::vector<RnnSlice> joined(const std::vector<RnnSlice>& slices) {
  std::vector<RnnSlice> result;
  for (const RnnSlice& slice : slices) {
    if (!result.empty()) {
      RnnSlice& last = result.back();
      if (last.parameter == slice.parameter && last.first + last.count == slice.first &&
          last.offset + last.count == slice.offset) {
        last.count += slice.count;
        continue;
      }
    }
    result.push_back(slice);
  }
  return result;
}

}  // namespace fg::cuda
