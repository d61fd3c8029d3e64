// One optimizer step over many parameters in one call, and what clipping wants to know of many gradients.
#pragma once

#include <array>
#include <vector>

#include "tensor/kernels/optim_ops.h"
#include "tensor/tensor.h"

namespace fg {

/// What one parameter brings to a step. All tensors are on one device, of one dtype (Float or Double; on
/// CUDA also 16-bit types), and hold their elements densely in the same order.
template <class Update>
struct ParamUpdate {
  static constexpr size_t kMaxStates = 3;

  Tensor param;
  Tensor grad;
  std::array<Tensor, kMaxStates> states;  // the first num_states are defined
  size_t num_states = 0;
  Update update;
  /// CUDA: if not null, the update lies in device memory and is read when the kernel runs.
  const Update* device_update = nullptr;
  /// On CUDA and of a Float parameter only: what becomes a copy of it in a 16-bit type. Or undefined.
  Tensor cast = {};
  /// CUDA: if not null, in device memory and, when the kernel runs, not 0, nothing changes. The same for a whole list.
  const float* found_inf = nullptr;
};

template <class Update>
using OptimStep = void(const std::vector<ParamUpdate<Update>>& updates);
/// The sum of the squares of all elements of all tensors, added in double, as a 0-d Double tensor on their
/// device. At least one tensor; each is dense, Float or Double, on CUDA also of a 16-bit type.
using SumOfSquares = Tensor(const std::vector<Tensor>& tensors);
/// Multiplies all elements of all `grads` by `inv_scale`, and makes `found_inf` 1 if one of them was infinite or NaN. At
/// least one gradient; each is as for sum_of_squares; found_inf and inv_scale are 0-d Float tensors on their device.
using UnscaleAndCheck = void(const std::vector<Tensor>& grads, const Tensor& found_inf,
                             const Tensor& inv_scale);
/// Applies `update`. scale and found_inf: 0-d Float, growth_tracker: 0-d Int.
using UpdateLossScale = void(const Tensor& scale, const Tensor& growth_tracker,
                             const Tensor& found_inf, const LossScaleUpdate& update);

namespace cpu {
#define X(Update) OptimStep<Update> optim_step;
FOR_EACH_OPTIM_UPDATE(X)
#undef X
SumOfSquares sum_of_squares;
UnscaleAndCheck unscale_and_check;
UpdateLossScale update_loss_scale;
}  // namespace cpu
namespace cuda {
#define X(Update) OptimStep<Update> optim_step;
FOR_EACH_OPTIM_UPDATE(X)
#undef X
SumOfSquares sum_of_squares;
UnscaleAndCheck unscale_and_check;
UpdateLossScale update_loss_scale;
}  // namespace cuda

}  // namespace fg
