// Fused stages: a producer (a convolution, a product, a sum) whose result z goes through a tail made of a
// pointwise chain and, in some, a pool, a norm or a log-sum-exp. One launcher forward, one backward, as
// templates over both, declared for both devices: the CPU's are defined in tensor/cpu/stage.h, the GPU's in
// cuda/fused/stage.cuh, which only nvcc can instantiate.
#pragma once

#include "tensor/kernels/chain.h"
#include "tensor/kernels/conv.h"
#include "tensor/kernels/norm.h"
#include "tensor/kernels/pool.h"

namespace fg {

namespace stage {

/// z = conv(x, weight) + bias, or its adjoint in x when `transposed`. Inputs: x, weight, bias or undefined.
struct Conv {
  ConvGeometry geometry;
  bool transposed = false;
  int64_t rank = 3;  // of the spatial dims, the last of the geometry's

  static constexpr bool keeps_result = true;
  /// How many of the inputs have a batch.
  static constexpr size_t num_batched = 1;
  DimVector result_sizes(const std::vector<Tensor>& inputs) const {
    DimVector sizes{inputs[0].size(0), transposed ? geometry.in_channels : geometry.out_channels};
    const Extents& extents = transposed ? geometry.input : geometry.output;
    for (int64_t d = 3 - rank; d < 3; ++d) sizes.push_back(extents[size_t(d)]);
    return sizes;
  }
  /// What the CPU does at a time: z is the largest tensor around.
  int64_t samples_at_once(int64_t batch) const { return (batch + 3) / 4; }
};
/// z = x weight^T + bias. Inputs: x (n, in), weight (out, in), bias or undefined.
struct Linear {
  static constexpr bool keeps_result = true;
  static constexpr size_t num_batched = 1;
  DimVector result_sizes(const std::vector<Tensor>& inputs) const {
    return {inputs[0].size(0), inputs[1].size(0)};
  }
  int64_t samples_at_once(int64_t batch) const { return batch; }
};
/// z = a + b, both (n, features). So cheap that backward computes it again.
struct Sum {
  static constexpr bool keeps_result = false;
  static constexpr size_t num_batched = 2;
  DimVector result_sizes(const std::vector<Tensor>& inputs) const {
    return {inputs[0].size(0), inputs[0].size(1)};
  }
  int64_t samples_at_once(int64_t batch) const { return batch; }
};

// Tails. `reads_result`: in backward; `is_wide`: of a 16-bit product of Float parameters the result is Float.

/// y = chain(z).
template <class C>
struct Pointwise {
  static constexpr bool reads_result = true;
  static constexpr bool is_wide = false;
  C chain{};
};
/// y = the largest of each window of chain(z), by MaxPool's rules; the geometry's planes are z's, its windows
/// side by side. Statistics: z at each maximum (y's shape, z's dtype), and its WindowIndex. Undefined ones are
/// not written; backward needs these instead of z.
template <class C>
struct MaxPooled {
  static constexpr bool reads_result = false;
  static constexpr bool is_wide = false;
  C chain{};
  PoolGeometry geometry;
  int64_t rank = 3;
};
/// y = RowNormForwardKernel of chain(z), z being (n, channels). Behind the chain's operands come weight and
/// bias, either of which may be undefined. Statistics: mean, rstd [n * num_groups].
template <class C>
struct RowNormed {
  static constexpr bool reads_result = true;
  static constexpr bool is_wide = true;
  C chain{};
  int64_t num_groups = 1;
  bool centered = true;
  double eps = 1e-5;

  NormShape shape(const Tensor& z) const {
    return {z.size(0), num_groups, z.size(1) / num_groups, 1};
  }
};
/// y (n, 1) = chain(log(sum(exp(z[i, :])))). Statistics: the log-sum-exp [n]. The chain has no operands.
template <class C>
struct Logsumexp {
  static constexpr bool reads_result = true;
  static constexpr bool is_wide = true;
  C chain{};
};

/// Which input of its window each output of a pool is: its number in scan order. One byte each where that
/// suffices, else Int.
class WindowIndex {
 public:
  static ScalarType dtype(const PoolGeometry& g) {
    return numel_of(g.kernel) <= 256 ? kByte : kInt;
  }

  explicit WindowIndex(const Tensor& which) {
    if (!which.defined()) return;
    if (which.dtype() == kByte)
      bytes_ = which.data_ptr<uint8_t>();
    else
      words_ = which.data_ptr<int32_t>();
  }

  constexpr void set(int64_t output, int64_t index) const {
    if (bytes_) bytes_[output] = uint8_t(index);
    if (words_) words_[output] = int32_t(index);
  }
  constexpr int64_t get(int64_t output) const {
    return bytes_ ? int64_t(bytes_[output]) : int64_t(words_[output]);
  }

 private:
  uint8_t* bytes_ = nullptr;
  int32_t* words_ = nullptr;
};

}  // namespace stage

/// What a stage's launchers read and write. Tensors are contiguous and on one device; channels are dim 1 of z.
/// z, its gradient and the inputs are of one dtype, on the CPU Float or Double. y, its gradient and the gradients of
/// parameters are of that or of what it is computed in; operands, their gradients and statistics of norms always of
/// the latter.
struct StageTensors {
  Tensor y;
  /// The pre-activation; undefined where it is not to be kept (forward) or was not (backward).
  Tensor z;
  std::vector<Tensor> inputs, operands, statistics;
  // Backward only. Gradients that are undefined are not computed; no sum depends on the number of threads.
  Tensor grad_y;
  std::vector<Tensor> grad_inputs, grad_operands;
};

#define FOR_EACH_STAGE_NAMESPACE(X) X(cpu) X(cuda)
#define X(device)                                                                         \
  namespace device {                                                                      \
  template <class Producer, class Tail>                                                   \
  void stage_forward(const StageTensors& t, const Producer& producer, const Tail& tail);  \
  template <class Producer, class Tail>                                                   \
  void stage_backward(const StageTensors& t, const Producer& producer, const Tail& tail); \
  }
FOR_EACH_STAGE_NAMESPACE(X)
#undef X

/// Whether the GPU has these launchers for a pair; specialise it where they are instantiated, in a header that
/// every user of the pair sees. Without them the op is composed of plain ops on CUDA tensors.
template <class Producer, class Tail>
inline constexpr bool has_cuda_stage = false;

}  // namespace fg
