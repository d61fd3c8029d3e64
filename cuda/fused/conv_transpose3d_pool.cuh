// The launchers of conv_transpose3d_pool.h, as templates over the chain.
#pragma once

#include <algorithm>

#include "cuda/device.h"
#include "cuda/fused/conv_transpose3d_pool.h"
#include "cuda/fused/conv_transpose3d_pool/backward.cuh"
#include "cuda/fused/conv_transpose3d_pool/finish.cuh"
#include "cuda/fused/conv_transpose3d_pool/forward.cuh"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "tensor/factories.h"

namespace fg::cuda {

namespace transpose_pool {

inline Problem problem_of(const ConvGeometry& g) {
  Problem p;
  p.batch = g.batch;
  p.in_channels = int(g.out_channels), p.out_channels = int(g.in_channels);
  const int64_t tile[] = {kDepth, kHeight, kWidth};
  for (size_t d = 0; d < 3; ++d) {
    p.extents[d] = g.output[d];
    p.tiles[d] = (g.output[d] + tile[d] - 1) / tile[d];
  }
  return p;
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data_ptr<T>() : nullptr;
}

template <class C, class T>
Operands<C, T> operands_of(const std::vector<Tensor>& tensors) {
  Operands<C, T> operands;
  for (size_t k = 0; k < tensors.size(); ++k)
    operands.at[k] = tensors[k].data_ptr(), operands.in_float[k] = tensors[k].dtype() == kFloat;
  return operands;
}

/// As many blocks as run at once, each with its share of the tiles.
template <class... Parameters>
LaunchShape resident(void (*kernel)(Parameters...), const Problem& p, unsigned threads,
                     size_t shared_bytes, int groups) {
  if (shared_bytes > 48 * 1024)
    detail::allow_shared_bytes(reinterpret_cast<const void*>(kernel), shared_bytes);
  int per_processor = 0;
  CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, kernel, int(threads),
                                                           shared_bytes));
  const int64_t blocks = int64_t(std::max(per_processor, 1)) * device_properties().multiprocessors;
  // One block even of an empty batch: its sums are 0.
  const int64_t wanted = std::clamp<int64_t>(p.num_tiles(), 1, blocks);
  return {dim3(unsigned(wanted), unsigned(groups)), dim3(threads), shared_bytes};
}

/// Calls body.operator()<x's type, y's, whether words are split>().
template <class Body>
void dispatch_types(ScalarType x, ScalarType y, const Body& body) {
  const auto short_x = [&]<class T>() {
    if (y == kFloat)
      body.template operator()<T, float, false>();
    else
      body.template operator()<T, T, false>();
  };
  if (x == kBFloat16)
    short_x.template operator()<BFloat16>();
  else if (x == kHalf)
    short_x.template operator()<Half>();
  else if (globalContext().allowTF32CuDNN())
    body.template operator()<float, float, false>();
  else
    body.template operator()<float, float, true>();
}

template <class T, class Y, bool kSplit, class C>
void forward(const Tensor& y, const Tensor& z_largest, const Tensor& which, const Tensor& x,
             const Tensor& weight, const Tensor& bias, const std::vector<Tensor>& operands,
             Problem p, const C& chain) {
  T* const z = z_largest.defined() ? z_largest.data_ptr<T>() : nullptr;
  uint8_t* const index = which.defined() ? which.data_ptr<uint8_t>() : nullptr;
  p.aligned = p.extents[2] % 4 == 0 && all_aligned(y.data_ptr<Y>(), z, index, x.data_ptr<T>());
  const auto kernel = forward_kernel<T, Y, kSplit, C>;
  const size_t bytes =
      size_t(num_steps<T>(p.in_channels)) * (kStepWeights + kStepInputs) * sizeof(uint32_t);
  const int groups = (p.out_channels + kOutChannels - 1) / kOutChannels;
  launch(kernel, resident(kernel, p, kForwardThreads, bytes, groups), y.data_ptr<Y>(), z, index,
         x.data_ptr<T>(), weight.data_ptr<T>(), data_or_null<T>(bias), operands_of<C, T>(operands),
         p, chain);
}

template <class T, class Y, bool kSplit, class C>
void backward(const Tensor& grad_weight, const Tensor& grad_bias,
              const std::vector<Tensor>& grad_operands, const Tensor& grad_y,
              const Tensor& z_largest, const Tensor& which, const Tensor& x,
              const std::vector<Tensor>& operands, Problem p, const C& chain) {
  constexpr int kCount = ChannelSums<C, T>::kCount;
  Grads<kCount> grads;
  if (grad_weight.defined())
    grads.weight = grad_weight.data_ptr(), grads.weight_type = grad_weight.dtype();
  bool any_channel = false;
  const auto want = [&](int k, const Tensor& grad) {
    if (!grad.defined()) return;
    any_channel = true;
    grads.channel[k] = grad.data_ptr(), grads.channel_types[k] = grad.dtype();
  };
  want(0, grad_bias);
  for (int k = 1; k < kCount; ++k) want(k, grad_operands[size_t(k - 1)]);

  p.aligned = p.extents[2] % 4 == 0 && all_aligned(grad_y.data_ptr<Y>(), z_largest.data_ptr<T>(),
                                                   which.data_ptr<uint8_t>(), x.data_ptr<T>());
  const int in_groups = grad_weight.defined() ? (p.in_channels + kInChannels - 1) / kInChannels : 1;
  const int out_groups = (p.out_channels + kOutChannels - 1) / kOutChannels;
  const auto kernel = backward_kernel<T, Y, kSplit, C>;
  const size_t bytes = size_t(BackwardShared<T, kSplit, Y>::kEnd) * sizeof(uint32_t);
  const LaunchShape shape = resident(kernel, p, kBackwardThreads, bytes, in_groups * out_groups);
  const int64_t blocks = shape.grid.x, parts = blocks * shape.grid.y;
  const auto options = x.options().dtype(kFloat);
  const Tensor block_sums = grad_weight.defined() ? empty({parts * kBlockSums}, options) : Tensor();
  const Tensor channel_sums =
      any_channel ? empty({parts * kOutChannels * kCount}, options) : Tensor();
  float* const weight_parts = grad_weight.defined() ? block_sums.data_ptr<float>() : nullptr;
  float* const channel_parts = any_channel ? channel_sums.data_ptr<float>() : nullptr;
  launch(kernel, shape, weight_parts, channel_parts, grad_y.data_ptr<Y>(), z_largest.data_ptr<T>(),
         which.data_ptr<uint8_t>(), x.data_ptr<T>(), operands_of<C, T>(operands), p, in_groups,
         chain);
  const LaunchShape finish{dim3(kBlockSums / kWarp + kCount, shape.grid.y), dim3(kFinishThreads)};
  launch(finish_kernel<kCount>, finish, grads, weight_parts, channel_parts, blocks, p, in_groups);
}

}  // namespace transpose_pool

template <class C>
void conv_transpose3d_chain_pool_forward(const Tensor& y, const Tensor& z_largest,
                                         const Tensor& which, const Tensor& x, const Tensor& weight,
                                         const Tensor& bias, const std::vector<Tensor>& operands,
                                         const ConvGeometry& geometry, const PoolGeometry&,
                                         const C& chain) {
  transpose_pool::dispatch_types(x.dtype(), y.dtype(), [&]<class T, class Y, bool kSplit>() {
    transpose_pool::forward<T, Y, kSplit>(y, z_largest, which, x, weight, bias, operands,
                                          transpose_pool::problem_of(geometry), chain);
  });
}

template <class C>
void conv_transpose3d_chain_pool_backward(const Tensor& grad_weight, const Tensor& grad_bias,
                                          const std::vector<Tensor>& grad_operands,
                                          const Tensor& grad_y, const Tensor& z_largest,
                                          const Tensor& which, const Tensor& x,
                                          const std::vector<Tensor>& operands,
                                          const ConvGeometry& geometry, const PoolGeometry&,
                                          const C& chain) {
  transpose_pool::dispatch_types(x.dtype(), grad_y.dtype(), [&]<class T, class Y, bool kSplit>() {
    transpose_pool::backward<T, Y, kSplit>(grad_weight, grad_bias, grad_operands, grad_y, z_largest,
                                           which, x, operands, transpose_pool::problem_of(geometry),
                                           chain);
  });
}

}  // namespace fg::cuda
