// StaticInputs: the tensors that a captured graph reads its inputs from, and how new ones get there.
#pragma once

#include <array>
#include <vector>

#include "cuda/event.h"
#include "tensor/tensor.h"

namespace fg::cuda {

/// Tensors on one GPU, all in one block of memory. Those that come from the host travel by way of one of two
/// staging blocks, on a stream of their own: while the GPU is at work on one step, the inputs of the next arrive.
class StaticInputs {
 public:
  /// Of the shapes and dtypes of `inputs`, on `device`.
  StaticInputs(const std::vector<Tensor>& inputs, Device device);

  /// The same memory all the time.
  const std::vector<Tensor>& tensors() const { return inputs_.tensors; }
  /// Throws "op: input i must be ..., got ..." unless shapes and dtypes are those of the constructor, and each input is
  /// on the host or on the device. With `op` null returns false instead.
  bool check(const std::vector<Tensor>& inputs, const char* op) const;
  /// Queues copies on the current stream, for work that is queued there afterwards. Inputs in pinned memory are read
  /// when the GPU gets there, others have been read when this returns. One of tensors() itself stays as it is.
  void fill(const std::vector<Tensor>& inputs);

 private:
  /// Tensors one behind the other in a block.
  struct Packed {
    Tensor bytes;
    std::vector<Tensor> tensors;
  };
  struct Stage {
    Packed host, device;  // `host` is made when an input needs it
    Event copied, consumed;
  };
  static Packed pack(const std::vector<Tensor>& like, const TensorOptions& options);
  void stage(Stage& stage, const std::vector<Tensor>& inputs);

  Stream copies_;
  Stream user_;  // where the last fill was queued, which the next one follows
  Packed inputs_;
  std::array<Stage, 2> stages_;
  size_t next_stage_ = 0;
};

}  // namespace fg::cuda
