// The launcher of conv3d_weight_grad.h, as a template over the chain: the kernel, and a fold over its blocks' sums.
#pragma once

#include "cuda/fused/conv3d_weight_grad.h"
#include "cuda/fused/conv3d_weight_grad_kernel.cuh"
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/typed_access.cuh"
#include "cuda/launch.h"
#include "cuda/precision.h"

namespace fg::cuda {

namespace weight_grad {

inline constexpr int64_t kBlocks =
    132;  // fill an H200; speed and the order of the sums depend on it

/// A gradient's memory, or none.
struct Target {
  void* data = nullptr;
  ScalarType type = kFloat;

  Target() = default;
  explicit Target(const Tensor& gradient)
      : data(gradient.defined() ? gradient.data_ptr() : nullptr),
        type(gradient.defined() ? gradient.dtype() : kFloat) {}
  __device__ void store(int64_t at, float value) const {
    if (data) store_as(data, type, at, value);
  }
};

/// Adds the blocks' sums: a fold over [parts, blocks, kPartialSize], where a part is 32 output and 8 input channels.
template <class C>
struct BlockSums {
  using Acc = float;
  static constexpr int kPack = 4;
  static constexpr int kSums = 1 + C::num_channel_operands;

  const float* partial;
  Target weight, channel[kSums];
  int64_t in_channels, out_channels, in_parts;
  int kernel[3];

  __device__ float identity() const { return 0; }
  __device__ float operator()(float a, float b) const { return a + b; }
  template <int W>
  __device__ void load(const Place& at, float (&terms)[W]) const {
    const auto pack = load_pack<W>(partial + at.flat, true);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = pack.at[j];
  }
  __device__ void store(int64_t output, float sum) const {
    const int64_t part = output / kPartialSize<C>;
    const int64_t first_out = part / in_parts * kOut, first_in = part % in_parts * kIn;
    int i = int(output % kPartialSize<C>);
    if (i >= kBlockWeights) {
      i -= kBlockWeights;
      if (first_in == 0 && first_out + i % kOut < out_channels)
        channel[i / kOut].store(first_out + i % kOut, sum);
      return;
    }
    const int64_t co = first_out + i / (kIn * kTaps), ci = first_in + i / kTaps % kIn;
    const int d = i / (kSide * kSide) % kSide, h = i / kSide % kSide, w = i % kSide;
    if (co >= out_channels || ci >= in_channels || d >= kernel[0] || h >= kernel[1] ||
        w >= kernel[2])
      return;
    weight.store((((co * in_channels + ci) * kernel[0] + d) * kernel[1] + h) * kernel[2] + w, sum);
  }
};

inline int64_t parts_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

template <class E>
Sizes make_sizes(const ConvGeometry& g) {
  Sizes s{};
  s.in_channels = int(g.in_channels);
  s.out_channels = int(g.out_channels);
  for (size_t d = 0; d < 3; ++d) {
    s.input[d] = int(g.input[d]);
    s.output[d] = int(g.output[d]);
    s.padding[d] = int(g.padding[d]);
  }
  s.tiles_high = int(parts_of(g.output[1], TileLayout<E>::kRows));
  s.tiles_wide = int(parts_of(g.output[2], kColumns));
  s.in_parts = int(parts_of(g.in_channels, kIn));
  s.steps = g.batch * s.tiles_high * s.tiles_wide * g.output[0];
  s.channel_size = int(numel_of(g.output));
  return s;
}

template <class T, class G, class E, bool kSplit, class C>
void launch_kernel(float* partial, const Tensor& grad_y, const Tensor& z, const Tensor& x,
                   const std::vector<Tensor>& operands, Sizes sizes, dim3 grid, const C& chain) {
  Operands<T, G, C::num_channel_operands> in{
      z.data_ptr<T>(), x.data_ptr<T>(), grad_y.data_ptr<G>(), {}};
  for (size_t k = 0; k < operands.size(); ++k)
    in.channel[k] = {operands[k].data_ptr(), operands[k].dtype()};
  sizes.paired = sizes.output[2] % 2 == 0 && is_aligned(in.z, 2 * sizeof(T)) &&
                 is_aligned(in.grad_y, 2 * sizeof(G));
  sizes.aligned = sizes.input[2] % kFullPack<T> == 0 && sizes.padding[2] == 0 && is_aligned(in.x);
  launch(conv3d_weight_grad_kernel<T, G, E, kSplit, C>,
         {grid, dim3(kThreads), TileLayout<E>::kSharedBytes}, chain, in, sizes, partial);
}

}  // namespace weight_grad

template <class C>
void conv3d_chain_weight_grad(const Tensor& grad_weight, const Tensor& grad_bias,
                              const std::vector<Tensor>& grad_operands, const Tensor& grad_y,
                              const Tensor& z, const Tensor& x, const std::vector<Tensor>& operands,
                              const ConvGeometry& g, const C& chain) {
  using namespace weight_grad;
  BlockSums<C> sums{};
  sums.weight = Target(grad_weight);
  sums.channel[0] = Target(grad_bias);
  for (size_t k = 0; k < grad_operands.size(); ++k) sums.channel[1 + k] = Target(grad_operands[k]);
  const auto is_wanted = [](const Target& target) { return target.data != nullptr; };
  if (!sums.weight.data &&
      std::none_of(std::begin(sums.channel), std::end(sums.channel), is_wanted))
    return;
  const auto run = [&]<class T, class G, class E, bool kSplit>() {
    Sizes sizes = make_sizes<E>(g);
    sizes.multiplies = sums.weight.data != nullptr;
    // Only the weight's gradient needs more than one part of the input channels.
    if (!sizes.multiplies) sizes.in_parts = 1;
    const int64_t parts = sizes.in_parts * parts_of(g.out_channels, kOut);
    const int64_t blocks = std::clamp<int64_t>(sizes.steps, 1, kBlocks);
    const Tensor partial = empty({parts, blocks, kPartialSize<C>}, x.options().dtype(kFloat));
    launch_kernel<T, G, E, kSplit>(partial.data_ptr<float>(), grad_y, z, x, operands, sizes,
                                   dim3(unsigned(blocks), unsigned(parts)), chain);
    sums.partial = partial.data_ptr<float>();
    sums.in_channels = g.in_channels;
    sums.out_channels = g.out_channels;
    sums.in_parts = sizes.in_parts;
    for (size_t d = 0; d < 3; ++d) sums.kernel[d] = int(g.kernel[d]);
    fold_columns(sums, parts, blocks, kPartialSize<C>, x.device());
  };
  const auto run_short = [&]<class T>() {
    if (grad_y.dtype() == kFloat)
      run.template operator()<T, float, T, false>();
    else
      run.template operator()<T, T, T, false>();
  };
  if (x.dtype() == kHalf)
    run_short.template operator()<Half>();
  else if (x.dtype() == kBFloat16)
    run_short.template operator()<BFloat16>();
  else if (globalContext().allowTF32CuDNN())
    run.template operator()<float, float, TensorFloat32, false>();
  else
    run.template operator()<float, float, TensorFloat32, true>();
}

}  // namespace fg::cuda
