// Stacks of recurrent layers on cuDNN, by its standard algorithm: one call forward, two backward. The parameters
// are copied into cuDNN's weight space in each forward pass, one copy per parameter where cuDNN keeps a parameter's
// gates together. No dropout: between layers that drop, the caller puts its own.
//
// Bytes beside cuDNN's own: parameters read and written once forward; in the backward pass their gradients, and the
// reserve, which is copied since cuDNN overwrites it and a graph may be gone through twice.

#include "tensor/kernels/recurrent.h"

#include "cuda/cudnn/rnn.h"
#include "cuda/cudnn/session.h"
#include "cuda/precision.h"
#include "cuda/relaxed_capture.h"
#include "tensor/factories.h"
#include "tensor/kernels/fill.h"

namespace fg::cuda {
namespace {

using namespace cudnn;

std::shared_ptr<const RnnSetup> setup_of(const Session& session, const RecurrentGeometry& geometry,
                                         const Tensor& sequence) {
  const RnnKey key = make_rnn_key(geometry, sequence.dtype(), globalContext().allowTF32CuDNN());
  if (const auto known = session.rnn_setups().find(key)) return *known;
  const RelaxedCapture relaxed;
  const auto setup = make_rnn_setup(session.handle(), geometry, key, sequence.device());
  session.rnn_setups().insert(key, setup);
  return setup;
}

/// The descriptors of one call.
struct Call {
  RnnDataDescriptor x, y;
  TensorDescriptor hidden, cell;
  bool has_cell;

  Call(const RecurrentGeometry& g, ScalarType type) : has_cell(g.kind == RecurrentKind::Lstm) {
    describe_steps(x, g, type, g.input_size);
    describe_steps(y, g, type, g.width() * g.directions());
    describe_state(hidden, g, type, g.width());
    if (has_cell) describe_state(cell, g, type, g.hidden_size);
  }
  cudnnTensorDescriptor_t cell_or_null() const { return has_cell ? cell.get() : nullptr; }
};

/// Bytes of workspace and reserve that a pass needs.
std::pair<size_t, size_t> space_sizes(const Session& session, const RnnSetup& setup,
                                      const Call& call, bool training) {
  size_t workspace = 0, reserve = 0;
  check(cudnnGetRNNTempSpaceSizes(session.handle(), setup.rnn.get(),
                                  training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE,
                                  call.x.get(), &workspace, training ? &reserve : nullptr),
        "cudnnGetRNNTempSpaceSizes");
  return {workspace, reserve};
}

Tensor bytes(size_t count, const Tensor& like) {
  return empty({int64_t(count)}, TensorOptions(kByte).device(like.device()));
}

void* data_or_null(const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; }
size_t num_bytes(const Tensor& t) { return size_t(t.numel() * t.element_size()); }

/// Copies between parameters and the weight space, as the slices say.
void copy_slices(const RnnSetup& setup, const Tensor& space, const std::vector<Tensor>& parameters,
                 bool into_space) {
  const int64_t size = space.element_size();
  for (const RnnSlice& slice : setup.slices) {
    const Tensor& parameter = parameters[size_t(slice.parameter)];
    char* outside = static_cast<char*>(parameter.data_ptr()) + slice.first * size;
    char* inside = static_cast<char*>(space.data_ptr()) + slice.offset * size;
    copy_bytes(into_space ? inside : outside, into_space ? outside : inside, slice.count * size,
               space.device().index());
  }
}

Tensor zeros_unless(const Tensor& given, const Tensor& like) {
  if (given.defined()) return given;
  const Tensor zeros = empty_like(like);
  fill(zeros, 0);
  return zeros;
}

}  // namespace

RecurrentResult recurrent_forward(const Tensor& sequence, const Tensor& hidden, const Tensor& cell,
                                  const std::vector<Tensor>& parameters, const RecurrentGeometry& g,
                                  bool training) {
  const Session session;
  const auto setup = setup_of(session, g, sequence);
  const Call call(g, sequence.dtype());
  const auto [workspace_bytes, reserve_bytes] = space_sizes(session, *setup, call, training);

  RecurrentResult result;
  result.states = empty({sequence.size(0), g.width() * g.directions()}, sequence.options());
  result.hidden = empty_like(hidden);
  if (call.has_cell) result.cell = empty_like(cell);
  result.packed_parameters = empty({setup->weight_elements}, sequence.options());
  if (training) result.reserve = bytes(reserve_bytes, sequence);
  copy_slices(*setup, result.packed_parameters, parameters, true);

  const Tensor workspace = bytes(workspace_bytes, sequence);
  // Null for the lengths in device memory: cuDNN 9 takes them from the data descriptors.
  check(cudnnRNNForward(session.handle(), setup->rnn.get(),
                        training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, nullptr,
                        call.x.get(), sequence.data_ptr(), call.y.get(), result.states.data_ptr(),
                        call.hidden.get(), hidden.data_ptr(), result.hidden.data_ptr(),
                        call.cell_or_null(), data_or_null(cell), data_or_null(result.cell),
                        num_bytes(result.packed_parameters), result.packed_parameters.data_ptr(),
                        workspace_bytes, workspace.data_ptr(), reserve_bytes,
                        data_or_null(result.reserve)),
        "cudnnRNNForward");
  return result;
}

RecurrentGrads recurrent_backward(const RecurrentResult& grad, const Tensor& sequence,
                                  const RecurrentResult& result, const RecurrentGeometry& g,
                                  bool want_parameters) {
  const Session session;
  const auto setup = setup_of(session, g, sequence);
  const Call call(g, sequence.dtype());
  const size_t workspace_bytes = space_sizes(session, *setup, call, true).first;
  const Tensor workspace = bytes(workspace_bytes, sequence);
  const Tensor reserve = empty_like(result.reserve);
  copy_bytes(reserve.data_ptr(), result.reserve.data_ptr(), reserve.numel(),
             reserve.device().index());

  const Tensor grad_states = zeros_unless(grad.states, result.states);
  const Tensor grad_hidden = zeros_unless(grad.hidden, result.hidden);
  const Tensor grad_cell = call.has_cell ? zeros_unless(grad.cell, result.cell) : Tensor();
  RecurrentGrads found{empty_like(sequence), empty_like(result.hidden), {}, {}};
  if (call.has_cell) found.cell = empty_like(result.cell);
  // The parameters' gradients need what this call leaves in the reserve.
  check(cudnnRNNBackwardData_v8(
            session.handle(), setup->rnn.get(), nullptr, call.y.get(), result.states.data_ptr(),
            grad_states.data_ptr(), call.x.get(), found.sequence.data_ptr(), call.hidden.get(),
            result.hidden.data_ptr(), grad_hidden.data_ptr(), found.hidden.data_ptr(),
            call.cell_or_null(), data_or_null(result.cell), data_or_null(grad_cell),
            data_or_null(found.cell), num_bytes(result.packed_parameters),
            result.packed_parameters.data_ptr(), workspace_bytes, workspace.data_ptr(),
            size_t(reserve.numel()), reserve.data_ptr()),
        "cudnnRNNBackwardData_v8");
  if (!want_parameters) return found;

  const Tensor grad_space = zeros_unless({}, result.packed_parameters);
  check(cudnnRNNBackwardWeights_v8(
            session.handle(), setup->rnn.get(), CUDNN_WGRAD_MODE_ADD, nullptr, call.x.get(),
            sequence.data_ptr(), call.hidden.get(), result.hidden.data_ptr(), call.y.get(),
            result.states.data_ptr(), num_bytes(grad_space), grad_space.data_ptr(), workspace_bytes,
            workspace.data_ptr(), size_t(reserve.numel()), reserve.data_ptr()),
        "cudnnRNNBackwardWeights_v8");
  for (const DimVector& shape : recurrent_parameter_shapes(g))
    found.parameters.push_back(empty(shape, sequence.options()));
  copy_slices(*setup, grad_space, found.parameters, false);
  return found;
}

}  // namespace fg::cuda
