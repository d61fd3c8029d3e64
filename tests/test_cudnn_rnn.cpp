// What cuDNN accepts as descriptions of recurrent layers. Needs the library but no GPU; the weight space and the
// passes themselves need one.

#include <doctest/doctest.h>

#include "cuda/cudnn/rnn.h"
#include "cuda/lru_cache.h"

using namespace fg;
using namespace fg::cuda;
using namespace fg::cuda::cudnn;
using enum fg::RecurrentKind;

TEST_CASE("cudnn rnn: layers of every kind and type can be described") {
  for (const RecurrentKind kind : {RnnTanh, RnnRelu, Lstm, Gru}) {
    for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
      for (const bool equal : {false, true}) {
        CAPTURE(int(kind));
        CAPTURE(to_string(type));
        const int64_t proj_size = kind == Lstm && equal ? 3 : 0;
        RecurrentGeometry g{kind, 5, 4, proj_size, 2, equal, true, {3, 3, equal ? 3 : 1}};
        const RnnDescriptor rnn;
        CHECK_NOTHROW(describe_rnn(rnn, make_rnn_key(g, type, true), DropoutDescriptor()));
        int32_t input, hidden, proj, layers;
        uint32_t flags;
        cudnnRNNAlgo_t algo;
        cudnnRNNMode_t mode;
        cudnnRNNBiasMode_t bias;
        cudnnDirectionMode_t direction;
        cudnnRNNInputMode_t input_mode;
        cudnnDataType_t data, math_precision;
        cudnnMathType_t math;
        cudnnDropoutDescriptor_t dropout;
        CHECK(cudnnGetRNNDescriptor_v8(rnn.get(), &algo, &mode, &bias, &direction, &input_mode,
                                       &data, &math_precision, &math, &input, &hidden, &proj,
                                       &layers, &dropout, &flags) == CUDNN_STATUS_SUCCESS);
        CHECK(input == 5);
        CHECK(hidden == 4);
        CHECK(proj == (proj_size > 0 ? 3 : 4));
        CHECK(layers == 2);
        CHECK(bias == (g.bias ? CUDNN_RNN_DOUBLE_BIAS : CUDNN_RNN_NO_BIAS));
        CHECK(math_precision == (type == kDouble ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT));
        const RnnDataDescriptor steps;
        CHECK_NOTHROW(describe_steps(steps, g, type, 5));
        const TensorDescriptor state;
        CHECK_NOTHROW(describe_state(state, g, type, g.width()));
      }
    }
  }
}

TEST_CASE("cudnn rnn: float is TF32 only where that is allowed") {
  const RecurrentGeometry g{Lstm, 5, 4, 0, 1, true, false, {3}};
  const auto math_of = [&](ScalarType type, bool allow) {
    const RnnDescriptor rnn;
    describe_rnn(rnn, make_rnn_key(g, type, allow), DropoutDescriptor());
    int32_t sizes[4];
    uint32_t flags;
    cudnnRNNAlgo_t algo;
    cudnnRNNMode_t mode;
    cudnnRNNBiasMode_t bias;
    cudnnDirectionMode_t direction;
    cudnnRNNInputMode_t input;
    cudnnDataType_t data, precision;
    cudnnMathType_t math{};
    cudnnDropoutDescriptor_t dropout;
    cudnnGetRNNDescriptor_v8(rnn.get(), &algo, &mode, &bias, &direction, &input, &data, &precision,
                             &math, &sizes[0], &sizes[1], &sizes[2], &sizes[3], &dropout, &flags);
    return math;
  };
  CHECK(math_of(kFloat, false) == CUDNN_FMA_MATH);
  CHECK(math_of(kFloat, true) == CUDNN_DEFAULT_MATH);
  CHECK(math_of(kDouble, false) == CUDNN_DEFAULT_MATH);
}
