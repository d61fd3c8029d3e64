#include "cuda/cudnn/rnn.h"

#include <limits>

#include "cuda/cudnn/graph.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg::cuda::cudnn {
namespace {

int32_t narrow(int64_t value, const char* name) {
  ENSURE(value <= std::numeric_limits<int32_t>::max(), "recurrent layer: ", name,
         " must fit 32 bits, as cuDNN takes it, got ", value);
  return int32_t(value);
}

cudnnRNNMode_t mode_of(RecurrentKind kind) {
  switch (kind) {
    case RecurrentKind::RnnTanh:
      return CUDNN_RNN_TANH;
    case RecurrentKind::RnnRelu:
      return CUDNN_RNN_RELU;
    case RecurrentKind::Lstm:
      return CUDNN_LSTM;
    default:
      return CUDNN_GRU;
  }
}

cudnnMathType_t math_of(const RnnKey& key) {
  if (key.type == kHalf) return CUDNN_TENSOR_OP_MATH;
  return key.type == kFloat && !key.allow_tf32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

/// Where cuDNN puts a part into the weight space at `base`; checks that it has as many elements there.
int64_t offset_of(cudnnHandle_t handle, const RnnSetup& setup, const RnnPart& part, char* base,
                  int64_t num_bytes, int64_t element_size) {
  const TensorDescriptor matrix, bias;
  void *matrix_at = nullptr, *bias_at = nullptr;
  const auto text = [&] {
    return str("cudnnGetRNNWeightParams of pseudo layer ", part.pseudo_layer, ", linear id ",
               part.linear_id);
  };
  check(cudnnGetRNNWeightParams(handle, setup.rnn.get(), part.pseudo_layer, size_t(num_bytes), base,
                                part.linear_id, matrix.get(), &matrix_at, bias.get(), &bias_at),
        text);
  cudnnDataType_t type;
  int count = 0, dims[3] = {1, 1, 1}, strides[3];
  check(cudnnGetTensorNdDescriptor((part.is_bias ? bias : matrix).get(), 3, &type, &count, dims,
                                   strides),
        text);
  const void* at = part.is_bias ? bias_at : matrix_at;
  const int64_t elements = at ? int64_t(dims[0]) * dims[1] * dims[2] : 0;
  ENSURE(elements == part.count, text(), ": the ", part.is_bias ? "bias" : "matrix", " must have ",
         part.count, " elements, got ", elements);
  return (static_cast<const char*>(at) - base) / element_size;
}

}  // namespace

void describe_rnn(const RnnDescriptor& rnn, const RnnKey& key, const DropoutDescriptor& dropout) {
  const cudnnDataType_t type = data_type(key.type);
  check(cudnnSetRNNDescriptor_v8(
            rnn.get(), CUDNN_RNN_ALGO_STANDARD, mode_of(key.kind),
            key.bias ? CUDNN_RNN_DOUBLE_BIAS : CUDNN_RNN_NO_BIAS,
            key.bidirectional ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
            type, data_type(compute_type(key.type)), math_of(key),
            narrow(key.input_size, "input_size"), narrow(key.hidden_size, "hidden_size"),
            narrow(key.proj_size > 0 ? key.proj_size : key.hidden_size, "proj_size"),
            narrow(key.num_layers, "num_layers"), dropout.get(),
            key.equal_lengths ? CUDNN_RNN_PADDED_IO_ENABLED : CUDNN_RNN_PADDED_IO_DISABLED),
        "cudnnSetRNNDescriptor_v8");
}

void describe_steps(const RnnDataDescriptor& data, const RecurrentGeometry& g, ScalarType type,
                    int64_t width) {
  const std::vector<int32_t> lengths = sequence_lengths(g.batch_sizes);
  // Of equal lengths both layouts are the same memory; the unpacked one is open to more of cuDNN's kernels.
  const bool equal = lengths.front() == lengths.back();
  check(cudnnSetRNNDataDescriptor(data.get(), data_type(type),
                                  equal ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED
                                        : CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED,
                                  lengths.front(), narrow(g.batch_sizes.front(), "batch"),
                                  narrow(width, "width"), lengths.data(), nullptr),
        "cudnnSetRNNDataDescriptor");
}

void describe_state(const TensorDescriptor& tensor, const RecurrentGeometry& g, ScalarType type,
                    int64_t width) {
  const int dims[] = {narrow(g.num_layers * g.directions(), "num_layers"),
                      narrow(g.batch_sizes.front(), "batch"), narrow(width, "width")};
  const int strides[] = {narrow(g.batch_sizes.front() * width, "batch"), dims[2], 1};
  check(cudnnSetTensorNdDescriptor(tensor.get(), data_type(type), 3, dims, strides),
        "cudnnSetTensorNdDescriptor of a recurrent state");
}

std::shared_ptr<const RnnSetup> make_rnn_setup(cudnnHandle_t handle,
                                               const RecurrentGeometry& geometry, const RnnKey& key,
                                               Device device) {
  auto setup = std::make_shared<RnnSetup>();
  // Without a probability it needs no states either.
  check(cudnnSetDropoutDescriptor(setup->no_dropout.get(), handle, 0, nullptr, 0, 0),
        "cudnnSetDropoutDescriptor");
  describe_rnn(setup->rnn, key, setup->no_dropout);
  size_t num_bytes = 0;
  check(cudnnGetRNNWeightSpaceSize(handle, setup->rnn.get(), &num_bytes),
        "cudnnGetRNNWeightSpaceSize");
  const int64_t size = element_size(key.type);
  setup->weight_elements = int64_t(num_bytes) / size;
  // Only addresses are asked for, but within a weight space that exists.
  const Tensor space = empty({int64_t(num_bytes)}, TensorOptions(kByte).device(device));
  char* base = static_cast<char*>(space.data_ptr());
  std::vector<RnnSlice> slices;
  for (const RnnPart& part : rnn_parts(geometry))
    slices.push_back({part.parameter, part.first, part.count,
                      offset_of(handle, *setup, part, base, int64_t(num_bytes), size)});
  setup->slices = joined(slices);
  return setup;
}

}  // namespace fg::cuda::cudnn
