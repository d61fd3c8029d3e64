// Recurrent layers as cuDNN describes them.
#pragma once

#include <memory>

#include "cuda/cudnn/check.h"
#include "cuda/cudnn/rnn_problem.h"

namespace fg::cuda::cudnn {

/// A descriptor of cuDNN's older interface, owned.
template <class Native, auto create, auto destroy>
class Owned {
 public:
  Owned() { check(create(&native_), "creating a cuDNN descriptor"); }
  ~Owned() { destroy(native_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Native get() const { return native_; }

 private:
  Native native_ = nullptr;
};
using TensorDescriptor =
    Owned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using DropoutDescriptor =
    Owned<cudnnDropoutDescriptor_t, cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor>;
using RnnDescriptor =
    Owned<cudnnRNNDescriptor_t, cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor>;
using RnnDataDescriptor =
    Owned<cudnnRNNDataDescriptor_t, cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor>;

/// What is kept of one stack of layers: its descriptor and where its parameters lie in the weight space.
struct RnnSetup {
  DropoutDescriptor no_dropout;
  RnnDescriptor rnn;
  int64_t weight_elements = 0;
  std::vector<RnnSlice> slices;
};

/// Fills `rnn`, for the standard algorithm.
void describe_rnn(const RnnDescriptor& rnn, const RnnKey& key, const DropoutDescriptor& dropout);
/// Fills `data`: packed steps of vectors of `width`.
void describe_steps(const RnnDataDescriptor& data, const RecurrentGeometry& geometry,
                    ScalarType type, int64_t width);
/// Fills `tensor` with the dims [num_layers * directions, batch, width] of a contiguous state.
void describe_state(const TensorDescriptor& tensor, const RecurrentGeometry& geometry,
                    ScalarType type, int64_t width);

std::shared_ptr<const RnnSetup> make_rnn_setup(cudnnHandle_t handle,
                                               const RecurrentGeometry& geometry, const RnnKey& key,
                                               Device device);

}  // namespace fg::cuda::cudnn
