// Convolutions: ours against cuDNN called directly. Ours is the public op, or the launcher of a gradient, with
// setBenchmarkCuDNN(true). Directly: the fastest of all engines that cuDNN offers for the same problem, of the same
// precision and as deterministic, with its memory laid out once. `heuristic_ms` is ours without measuring: what lies
// between it and `ms` is what cuDNN's heuristics miss.
#include "autograd/ops/conv.h"

#include "autograd/grad_mode.h"
#include "benchmarks/gpu/cudnn_direct.h"
#include "cuda/allocator.h"
#include "cuda/cudnn/conv_graph.h"
#include "cuda/precision.h"
#include "tensor/kernels/conv.h"

namespace fg::bench::gpu {
namespace {

using cuda::ConvDirection;
using cuda::ConvProblem;

struct Layer {
  const char* name;
  /// Of the convolution; of a transposed one, the adjoint's: input and output change places.
  ConvGeometry geometry;
  int64_t spatial_dims;
  bool transposed = false;
};

Layer layer(const char* name, int64_t batch, int64_t in, int64_t out, int64_t spatial_dims,
            Extents input, int64_t kernel, int64_t stride, int64_t padding) {
  ConvGeometry g{batch, in, out, 1, input, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}};
  for (size_t d = size_t(3 - spatial_dims); d < 3; ++d) {
    g.kernel[d] = kernel;
    g.stride[d] = stride;
    g.padding[d] = padding;
    g.output[d] = (input[d] + 2 * padding - kernel) / stride + 1;
  }
  return {name, g, spatial_dims};
}

/// The convolutions of the two reference models that have one, and ResNet-18's, at batch 64.
std::vector<Layer> layers() {
  std::vector<Layer> all = {
      layer("conv3d_chain", 64, 8, 32, 3, {32, 64, 64}, 3, 1, 0),
      layer("conv_transpose3d_pool", 16, 32, 16, 3, {32, 64, 64}, 3, 2, 1),
      layer("resnet_stem", 64, 3, 64, 2, {1, 224, 224}, 7, 2, 3),
      layer("resnet_64x56", 64, 64, 64, 2, {1, 56, 56}, 3, 1, 1),
      layer("resnet_64to128", 64, 64, 128, 2, {1, 56, 56}, 3, 2, 1),
      layer("resnet_1x1", 64, 64, 128, 2, {1, 56, 56}, 1, 2, 0),
      layer("resnet_128x28", 64, 128, 128, 2, {1, 28, 28}, 3, 1, 1),
      layer("resnet_256x14", 64, 256, 256, 2, {1, 14, 14}, 3, 1, 1),
      layer("resnet_512x7", 64, 512, 512, 2, {1, 7, 7}, 3, 1, 1),
  };
  all[1].transposed = true;
  return all;
}

struct Variant {
  const char* name;
  ScalarType type;
  bool tf32;
};
constexpr Variant kVariants[] = {
    {"fp32", kFloat, false}, {"tf32", kFloat, true}, {"bf16", kBFloat16, false}};

struct Tensors {
  Tensor input, weight, output;

  Tensors(const Layer& l, ScalarType type, bool channels_last) {
    const ConvGeometry& g = l.geometry;
    const auto make = [&](int64_t a, int64_t b, const Extents& extents) {
      DimVector sizes(extents.end() - l.spatial_dims, extents.end());
      sizes.insert(0, b);
      sizes.insert(0, a);
      const MemoryFormat last =
          l.spatial_dims == 3 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
      return rand(sizes, TensorOptions(type).device(kCUDA))
          .contiguous(channels_last ? last : MemoryFormat::Contiguous);
    };
    input = make(g.batch, g.in_channels, g.input);
    weight = make(g.out_channels, g.group_in(), g.kernel);
    output = make(g.batch, g.out_channels, g.output);
  }
};

std::function<void()> direct_call(const ConvProblem& problem, const Tensors& t) {
  using namespace cuda::cudnn;
  const auto launch = [t](cudnnHandle_t handle, const Plan& plan, void* workspace) {
    const int64_t ids[] = {kInputId, kWeightId, kOutputId};
    void* const pointers[] = {t.input.data_ptr(), t.weight.data_ptr(), t.output.data_ptr()};
    plan.run(handle, ids, pointers, workspace);
  };
  const Target target = Session().target();  // the session's lock ends here
  return fastest_direct(conv_graph(problem, target), problem, launch);
}

/// The public op's forward pass, or the launcher of a gradient, which the tape calls with these tensors.
std::function<void()> our_call(const Layer& l, ConvDirection direction, const Tensors& t) {
  const ConvGeometry g = l.geometry;
  const bool forward =
      direction == (l.transposed ? ConvDirection::InputGrad : ConvDirection::Forward);
  if (forward) {
    return [=] {
      const NoGradGuard no_grad;
      const IntArrayRef stride(g.stride.end() - l.spatial_dims, size_t(l.spatial_dims));
      const IntArrayRef padding(g.padding.end() - l.spatial_dims, size_t(l.spatial_dims));
      const int64_t extra = l.transposed ? 1 : 0;
      convolution(l.transposed ? t.output : t.input, t.weight, {}, stride, padding, 1, l.transposed,
                  extra, 1);
    };
  }
  switch (direction) {
    case ConvDirection::Forward:
      return [=] { cuda::conv_forward(t.output, t.input, t.weight, {}, g); };
    case ConvDirection::InputGrad:
      return [=] { cuda::conv_input_grad(t.input, t.output, t.weight, {}, g); };
    default:
      return [=] { cuda::conv_weight_grad(t.weight, t.output, t.input, g); };
  }
}

void measure(benchmark::State& state, const Layer& l, ConvDirection direction,
             const Variant& variant, bool channels_last) {
  Context& context = globalContext();
  context.setAllowTF32CuDNN(variant.tf32);
  const Tensors t(l, variant.type, channels_last);
  ConvProblem problem = make_conv_problem(direction, t.input, t.weight, t.output, {}, l.geometry);
  problem.allow_tf32 = variant.tf32;
  problem.deterministic = context.deterministicCuDNN();
  const ConvGeometry& g = l.geometry;
  const double flops = 2.0 * double(g.batch) * double(g.out_channels) * double(g.group_in()) *
                       double(numel_of(g.output)) * double(numel_of(g.kernel));
  const auto ours = our_call(l, direction, t);
  const double heuristic_ms = median_ms(ours, 5);
  context.setBenchmarkCuDNN(true);
  report_ratio(state, ours, direct_call(problem, t), flops);
  state.counters["heuristic_ms"] = heuristic_ms;
  context.setAllowTF32CuDNN(true);
  context.setBenchmarkCuDNN(false);
  cuda::empty_cache();
}

const bool registered = [] {
  constexpr std::pair<ConvDirection, const char*> kDirections[] = {
      {ConvDirection::Forward, "conv"},
      {ConvDirection::InputGrad, "input_grad"},
      {ConvDirection::WeightGrad, "weight_grad"}};
  for (const Layer& l : layers())
    for (const auto& [direction, direction_name] : kDirections)
      for (const Variant& variant : kVariants)
        for (const bool channels_last : {false, true})
          benchmark::RegisterBenchmark(str(l.name, '/', direction_name, '/', variant.name, '/',
                                           channels_last ? "nhwc" : "nchw")
                                           .c_str(),
                                       [=](benchmark::State& state) {
                                         measure(state, l, direction, variant, channels_last);
                                       })
              ->UseManualTime()
              ->Iterations(1);
  return true;
}();

}  // namespace
}  // namespace fg::bench::gpu
