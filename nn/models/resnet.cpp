#include "nn/models/resnet.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/reduce.h"
#include "nn/init.h"

namespace fg::nn::models {
namespace {

Conv2d square_conv(int64_t in_channels, int64_t out_channels, int64_t kernel, int64_t stride) {
  return Conv2d(Conv2dOptions(in_channels, out_channels, kernel)
                    .stride(stride)
                    .padding(kernel / 2)
                    .bias(false));
}

Sequential two_blocks(int64_t in_channels, int64_t out_channels, int64_t stride) {
  // Braces, within which the first block draws its weights first.
  return Sequential{BasicBlock(in_channels, out_channels, stride),
                    BasicBlock(out_channels, out_channels, 1)};
}

}  // namespace

BasicBlockImpl::BasicBlockImpl(int64_t in_channels, int64_t out_channels, int64_t stride) {
  // Made first, as torchvision does, so that one seed gives the same weights.
  const bool same_shape = stride == 1 && in_channels == out_channels;
  if (!same_shape)
    downsample =
        Sequential(square_conv(in_channels, out_channels, 1, stride), BatchNorm2d(out_channels));
  conv1 = register_module("conv1", square_conv(in_channels, out_channels, 3, stride));
  bn1 = register_module("bn1", BatchNorm2d(out_channels));
  conv2 = register_module("conv2", square_conv(out_channels, out_channels, 3, 1));
  bn2 = register_module("bn2", BatchNorm2d(out_channels));
  if (!same_shape) register_module("downsample", downsample);
}

Tensor BasicBlockImpl::forward(const Tensor& x) {
  // In place, as in torchvision: nobody else reads what the norms give.
  const Tensor y = bn2(conv2(bn1(conv1(x)).relu_()));
  return y.add_(downsample ? downsample->forward(x) : x).relu_();
}

ResNet18Impl::ResNet18Impl(const ResNetOptions& options) : options(options) {
  conv1 =
      register_module("conv1", square_conv(options.in_channels(), 64, options.cifar_stem() ? 3 : 7,
                                           options.cifar_stem() ? 1 : 2));
  bn1 = register_module("bn1", BatchNorm2d(64));
  layer1 = register_module("layer1", two_blocks(64, 64, 1));
  layer2 = register_module("layer2", two_blocks(64, 128, 2));
  layer3 = register_module("layer3", two_blocks(128, 256, 2));
  layer4 = register_module("layer4", two_blocks(256, 512, 2));
  fc = register_module("fc", Linear(512, options.num_classes()));
  for (const auto& module : modules(/*include_self=*/false))
    if (auto* const conv = module->as<Conv2d>())
      init::kaiming_normal_(conv->weight, 0, kFanOut, kReLU);
}

Tensor ResNet18Impl::forward(const Tensor& x) {
  Tensor y = bn1(conv1(x)).relu_();
  if (!options.cifar_stem()) y = max_pool2d(y, 3, 2, 1);
  for (Sequential* const layer : {&layer1, &layer2, &layer3, &layer4}) y = (*layer)->forward(y);
  return fc(y.mean({2, 3}));
}

}  // namespace fg::nn::models
