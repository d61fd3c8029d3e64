// ResNet-18 of He et al., "Deep Residual Learning for Image Recognition" (2015), with the parameter names of
// torchvision's resnet18, so that its safetensors files load here.
#pragma once

#include "nn/modules/batchnorm.h"
#include "nn/modules/container.h"
#include "nn/modules/conv.h"
#include "nn/modules/linear.h"
#include "nn/modules/sequential.h"

namespace fg::nn::models {

/// relu(bn2(conv2(relu(bn1(conv1(x))))) + x), where x goes through a convolution of one tap and a norm
/// ("downsample") if the number of channels or the extent changes. [N, in, H, W] to
/// [N, out, ceil(H / stride), ceil(W / stride)].
class BasicBlockImpl : public Module {
 public:
  BasicBlockImpl(int64_t in_channels, int64_t out_channels, int64_t stride);
  Tensor forward(const Tensor& x);

  Conv2d conv1 = nullptr;
  BatchNorm2d bn1 = nullptr;
  Conv2d conv2 = nullptr;
  BatchNorm2d bn2 = nullptr;
  Sequential downsample = nullptr;  // empty where the shape stays
};
using BasicBlock = ModuleHolder<BasicBlockImpl>;

struct ResNetOptions {
  ResNetOptions() = default;
  FUSEGRAD_ARG(int64_t, num_classes) = 1000;
  FUSEGRAD_ARG(int64_t, in_channels) = 3;
  /// For images of 32 x 32: the first convolution has 3 x 3 taps and stride 1 instead of 7 x 7 and 2, and no pool
  /// follows it.
  FUSEGRAD_ARG(bool, cifar_stem) = false;
};

/// Images [N, in_channels, H, W] to logits [N, num_classes]. Convolutions begin with Kaiming's normal distribution
/// (fan_out, ReLU), as torchvision's do, the rest as usual.
class ResNet18Impl : public Module {
 public:
  explicit ResNet18Impl(const ResNetOptions& options = {});
  Tensor forward(const Tensor& x);

  ResNetOptions options;
  Conv2d conv1 = nullptr;
  BatchNorm2d bn1 = nullptr;
  Sequential layer1 = nullptr, layer2 = nullptr, layer3 = nullptr, layer4 = nullptr;
  Linear fc = nullptr;
};
using ResNet18 = ModuleHolder<ResNet18Impl>;

}  // namespace fg::nn::models
