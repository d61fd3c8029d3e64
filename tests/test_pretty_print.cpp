// What modules print: the texts that libtorch 1.13 prints for the same expressions.
#include <doctest/doctest.h>

#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

namespace {

// Not a template over the holder, of which there are over a hundred here.
void check_text(const std::shared_ptr<Module>& module, const std::string& expected) {
  CHECK(str(*module) == expected);
}

}  // namespace

TEST_CASE("print: linear maps, convolutions and tables") {
  check_text(Linear(3, 4).ptr(), "torch::nn::Linear(in_features=3, out_features=4, bias=true)");
  check_text(Linear(LinearOptions(3, 4).bias(false)).ptr(),
             "torch::nn::Linear(in_features=3, out_features=4, bias=false)");
  check_text(Bilinear(3, 2, 4).ptr(),
             "torch::nn::Bilinear(in1_features=3, in2_features=2, out_features=4, bias=true)");
  check_text(Bilinear(BilinearOptions(3, 2, 4).bias(false)).ptr(),
             "torch::nn::Bilinear(in1_features=3, in2_features=2, out_features=4, bias=false)");
  check_text(Identity().ptr(), "torch::nn::Identity()");
  check_text(Flatten().ptr(), "torch::nn::Flatten(start_dim=1, end_dim=-1)");
  check_text(Flatten(FlattenOptions().start_dim(2).end_dim(4)).ptr(),
             "torch::nn::Flatten(start_dim=2, end_dim=4)");
  check_text(Unflatten(UnflattenOptions(0, {2, 2})).ptr(),
             "torch::nn::Unflatten(dim=0, unflattened_size={2, 2})");
  check_text(Unflatten(UnflattenOptions("B", {{"B1", 2}, {"B2", 2}})).ptr(),
             "torch::nn::Unflatten(dim=\"B\", unflattened_size={{\"B1\", 2}, {\"B2\", 2}})");
  check_text(Conv1d(3, 4, 5).ptr(), "torch::nn::Conv1d(3, 4, kernel_size=5, stride=1)");
  check_text(Conv2d(3, 4, 5).ptr(), "torch::nn::Conv2d(3, 4, kernel_size=[5, 5], stride=[1, 1])");
  check_text(Conv2d(Conv2dOptions(3, 4, 5).stride(2)).ptr(),
             "torch::nn::Conv2d(3, 4, kernel_size=[5, 5], stride=[2, 2])");
  check_text(
      Conv2d(Conv2dOptions(3, 4, std::vector<int64_t>{5, 6})
                 .stride({1, 2})
                 .padding({1, 0})
                 .dilation({1, 2})
                 .groups(1)
                 .bias(false)
                 .padding_mode(kCircular))
          .ptr(),
      "torch::nn::Conv2d(3, 4, kernel_size=[5, 6], stride=[1, 2], padding=[1, 0], dilation=[1, "
      "2], bias=false, padding_mode=kCircular)");
  check_text(
      Conv2d(Conv2dOptions(4, 4, 5).padding(kSame).groups(2)).ptr(),
      "torch::nn::Conv2d(4, 4, kernel_size=[5, 5], stride=[1, 1], padding='same', groups=2)");
  check_text(Conv2d(Conv2dOptions(4, 4, 5).padding(kValid)).ptr(),
             "torch::nn::Conv2d(4, 4, kernel_size=[5, 5], stride=[1, 1], padding='valid')");
  check_text(Conv3d(4, 4, std::vector<int64_t>{5, 6, 7}).ptr(),
             "torch::nn::Conv3d(4, 4, kernel_size=[5, 6, 7], stride=[1, 1, 1])");
  check_text(Conv1d(Conv1dOptions(3, 4, 5).padding(2).dilation(3)).ptr(),
             "torch::nn::Conv1d(3, 4, kernel_size=5, stride=1, padding=2, dilation=3)");
  check_text(ConvTranspose1d(3, 4, 5).ptr(),
             "torch::nn::ConvTranspose1d(3, 4, kernel_size=5, stride=1)");
  check_text(
      ConvTranspose2d(
          ConvTranspose2dOptions(3, 4, 5).stride(2).padding(1).output_padding(1).dilation(2).bias(
              false))
          .ptr(),
      "torch::nn::ConvTranspose2d(3, 4, kernel_size=[5, 5], stride=[2, 2], padding=[1, 1], "
      "dilation=[2, 2], output_padding=[1, 1], bias=false)");
  check_text(ConvTranspose3d(4, 4, std::vector<int64_t>{5, 6, 7}).ptr(),
             "torch::nn::ConvTranspose3d(4, 4, kernel_size=[5, 6, 7], stride=[1, 1, 1])");
  check_text(Embedding(10, 2).ptr(), "torch::nn::Embedding(num_embeddings=10, embedding_dim=2)");
  check_text(Embedding(EmbeddingOptions(10, 2).padding_idx(3).max_norm(2)).ptr(),
             "torch::nn::Embedding(num_embeddings=10, embedding_dim=2, padding_idx=3, max_norm=2)");
  check_text(Embedding(EmbeddingOptions(10, 2)
                           .padding_idx(3)
                           .max_norm(2)
                           .norm_type(2.5)
                           .scale_grad_by_freq(true)
                           .sparse(true))
                 .ptr(),
             "torch::nn::Embedding(num_embeddings=10, embedding_dim=2, padding_idx=3, max_norm=2, "
             "norm_type=2.5, scale_grad_by_freq=true, sparse=true)");
  check_text(EmbeddingBag(10, 2).ptr(),
             "torch::nn::EmbeddingBag(num_embeddings=10, embedding_dim=2)");
  check_text(
      EmbeddingBag(EmbeddingBagOptions(10, 2)
                       .max_norm(2)
                       .norm_type(2.5)
                       .scale_grad_by_freq(true)
                       .sparse(true)
                       .mode(kSum))
          .ptr(),
      "torch::nn::EmbeddingBag(num_embeddings=10, embedding_dim=2, max_norm=2, norm_type=2.5, "
      "scale_grad_by_freq=true, sparse=true, mode=kSum)");
  CHECK(
      str(EmbeddingBag(EmbeddingBagOptions(10, 2)
                           .max_norm(2)
                           .norm_type(2.5)
                           .scale_grad_by_freq(true)
                           .sparse(true)
                           .mode(kMax)
                           .padding_idx(5)
                           .include_last_offset(true))) ==
      "torch::nn::EmbeddingBag(num_embeddings=10, embedding_dim=2, max_norm=2, norm_type=2.5, "
      "scale_grad_by_freq=true, sparse=true, mode=kMax, include_last_offset=true, padding_idx=5)");
}

TEST_CASE("print: pooling and padding") {
  check_text(
      MaxPool1d(5).ptr(),
      "torch::nn::MaxPool1d(kernel_size=5, stride=5, padding=0, dilation=1, ceil_mode=false)");
  check_text(
      MaxPool2d(5).ptr(),
      "torch::nn::MaxPool2d(kernel_size=[5, 5], stride=[5, 5], padding=[0, 0], dilation=[1, 1], "
      "ceil_mode=false)");
  check_text(
      MaxPool2d(MaxPool2dOptions(5).stride(2)).ptr(),
      "torch::nn::MaxPool2d(kernel_size=[5, 5], stride=[2, 2], padding=[0, 0], dilation=[1, 1], "
      "ceil_mode=false)");
  check_text(MaxPool3d(5).ptr(),
             "torch::nn::MaxPool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0], "
             "dilation=[1, 1, 1], ceil_mode=false)");
  check_text(
      MaxPool2d(MaxPool2dOptions(std::vector<int64_t>{5, 6})
                    .stride({1, 2})
                    .padding(1)
                    .dilation(2)
                    .ceil_mode(true))
          .ptr(),
      "torch::nn::MaxPool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1], dilation=[2, 2], "
      "ceil_mode=true)");
  check_text(AvgPool1d(5).ptr(), "torch::nn::AvgPool1d(kernel_size=5, stride=5, padding=0)");
  check_text(AvgPool2d(5).ptr(),
             "torch::nn::AvgPool2d(kernel_size=[5, 5], stride=[5, 5], padding=[0, 0])");
  check_text(AvgPool2d(AvgPool2dOptions(std::vector<int64_t>{5, 6})
                           .stride({1, 2})
                           .padding(1)
                           .count_include_pad(false)
                           .divisor_override(3))
                 .ptr(),
             "torch::nn::AvgPool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1])");
  check_text(AvgPool3d(5).ptr(),
             "torch::nn::AvgPool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0])");
  check_text(AdaptiveAvgPool1d(5).ptr(), "torch::nn::AdaptiveAvgPool1d(output_size=5)");
  check_text(AdaptiveAvgPool2d(5).ptr(), "torch::nn::AdaptiveAvgPool2d(output_size=[5, 5])");
  check_text(AdaptiveAvgPool2d(std::vector<int64_t>{5, 6}).ptr(),
             "torch::nn::AdaptiveAvgPool2d(output_size=[5, 6])");
  check_text(AdaptiveAvgPool3d(5).ptr(), "torch::nn::AdaptiveAvgPool3d(output_size=[5, 5, 5])");
  check_text(AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions({5, nullopt})).ptr(),
             "torch::nn::AdaptiveAvgPool2d(output_size=[5, None])");
  check_text(AdaptiveMaxPool1d(5).ptr(), "torch::nn::AdaptiveMaxPool1d(output_size=5)");
  check_text(AdaptiveMaxPool2d(5).ptr(), "torch::nn::AdaptiveMaxPool2d(output_size=[5, 5])");
  check_text(AdaptiveMaxPool2d(AdaptiveMaxPool2dOptions({nullopt, 6})).ptr(),
             "torch::nn::AdaptiveMaxPool2d(output_size=[None, 6])");
  check_text(AdaptiveMaxPool3d(std::vector<int64_t>{5, 6, 7}).ptr(),
             "torch::nn::AdaptiveMaxPool3d(output_size=[5, 6, 7])");
  check_text(MaxUnpool1d(5).ptr(), "torch::nn::MaxUnpool1d(kernel_size=5, stride=5, padding=0)");
  CHECK(
      str(MaxUnpool2d(MaxUnpool2dOptions(std::vector<int64_t>{5, 6}).stride({1, 2}).padding(1))) ==
      "torch::nn::MaxUnpool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1])");
  check_text(MaxUnpool3d(5).ptr(),
             "torch::nn::MaxUnpool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0])");
  check_text(LPPool1d(2, 5).ptr(),
             "torch::nn::LPPool1d(norm_type=2, kernel_size=5, stride=5, ceil_mode=false)");
  check_text(LPPool1d(LPPool1dOptions(1, 2).stride(5).ceil_mode(true)).ptr(),
             "torch::nn::LPPool1d(norm_type=1, kernel_size=2, stride=5, ceil_mode=true)");
  check_text(
      LPPool2d(2, std::vector<int64_t>{1, 2}).ptr(),
      "torch::nn::LPPool2d(norm_type=2, kernel_size=[1, 2], stride=[1, 2], ceil_mode=false)");
  check_text(ReflectionPad1d(ReflectionPad1dOptions(2)).ptr(),
             "torch::nn::ReflectionPad1d(padding=[2, 2])");
  check_text(ReflectionPad1d(ReflectionPad1dOptions({3, 1})).ptr(),
             "torch::nn::ReflectionPad1d(padding=[3, 1])");
  check_text(ReflectionPad2d(ReflectionPad2dOptions({1, 1, 2, 0})).ptr(),
             "torch::nn::ReflectionPad2d(padding=[1, 1, 2, 0])");
  check_text(ReflectionPad3d(2).ptr(), "torch::nn::ReflectionPad3d(padding=[2, 2, 2, 2, 2, 2])");
  check_text(ReplicationPad1d(2).ptr(), "torch::nn::ReplicationPad1d(padding=[2, 2])");
  check_text(ReplicationPad2d(ReplicationPad2dOptions({1, 1, 2, 0})).ptr(),
             "torch::nn::ReplicationPad2d(padding=[1, 1, 2, 0])");
  check_text(ReplicationPad3d(ReplicationPad3dOptions({1, 2, 1, 2, 1, 2})).ptr(),
             "torch::nn::ReplicationPad3d(padding=[1, 2, 1, 2, 1, 2])");
  check_text(ZeroPad2d(2).ptr(), "torch::nn::ZeroPad2d(padding=[2, 2, 2, 2])");
  check_text(ZeroPad2d(ZeroPad2dOptions({1, 1, 2, 0})).ptr(),
             "torch::nn::ZeroPad2d(padding=[1, 1, 2, 0])");
  check_text(ConstantPad1d(2, 3.5).ptr(), "torch::nn::ConstantPad1d(padding=[2, 2], value=3.5)");
  check_text(ConstantPad2d(ConstantPad2dOptions({3, 0, 2, 1}, 3.5)).ptr(),
             "torch::nn::ConstantPad2d(padding=[3, 0, 2, 1], value=3.5)");
  check_text(ConstantPad3d(ConstantPad3dOptions(1, 3.5)).ptr(),
             "torch::nn::ConstantPad3d(padding=[1, 1, 1, 1, 1, 1], value=3.5)");
}

TEST_CASE("print: norms and dropout") {
  CHECK(
      str(BatchNorm1d(4)) ==
      "torch::nn::BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=true, track_running_stats=true)");
  CHECK(
      str(BatchNorm1d(
          BatchNorm1dOptions(4).eps(0.5).momentum(0.1).affine(false).track_running_stats(true))) ==
      "torch::nn::BatchNorm1d(4, eps=0.5, momentum=0.1, affine=false, track_running_stats=true)");
  CHECK(
      str(BatchNorm2d(BatchNorm2dOptions(4).momentum(nullopt))) ==
      "torch::nn::BatchNorm2d(4, eps=1e-05, momentum=None, affine=true, track_running_stats=true)");
  CHECK(
      str(BatchNorm3d(4)) ==
      "torch::nn::BatchNorm3d(4, eps=1e-05, momentum=0.1, affine=true, track_running_stats=true)");
  check_text(InstanceNorm1d(4).ptr(),
             "torch::nn::InstanceNorm1d(4, eps=1e-05, momentum=0.1, affine=false, "
             "track_running_stats=false)");
  check_text(
      InstanceNorm1d(
          InstanceNorm1dOptions(4).eps(0.5).momentum(0.1).affine(false).track_running_stats(true))
          .ptr(),
      "torch::nn::InstanceNorm1d(4, eps=0.5, momentum=0.1, affine=false, "
      "track_running_stats=true)");
  check_text(InstanceNorm2d(4).ptr(),
             "torch::nn::InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=false, "
             "track_running_stats=false)");
  check_text(InstanceNorm3d(4).ptr(),
             "torch::nn::InstanceNorm3d(4, eps=1e-05, momentum=0.1, affine=false, "
             "track_running_stats=false)");
  check_text(LayerNorm(LayerNormOptions({2, 2})).ptr(),
             "torch::nn::LayerNorm([2, 2], eps=1e-05, elementwise_affine=true)");
  check_text(LayerNorm(LayerNormOptions({2, 2}).elementwise_affine(false).eps(2e-5)).ptr(),
             "torch::nn::LayerNorm([2, 2], eps=2e-05, elementwise_affine=false)");
  check_text(GroupNorm(GroupNormOptions(2, 2)).ptr(),
             "torch::nn::GroupNorm(2, 2, eps=1e-05, affine=true)");
  check_text(GroupNorm(GroupNormOptions(2, 2).eps(2e-5).affine(false)).ptr(),
             "torch::nn::GroupNorm(2, 2, eps=2e-05, affine=false)");
  check_text(LocalResponseNorm(LocalResponseNormOptions(2)).ptr(),
             "torch::nn::LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1)");
  check_text(LocalResponseNorm(LocalResponseNormOptions(2).alpha(0.0002).beta(0.85).k(2.)).ptr(),
             "torch::nn::LocalResponseNorm(2, alpha=0.0002, beta=0.85, k=2)");
  check_text(CrossMapLRN2d(4).ptr(), "torch::nn::CrossMapLRN2d(4, alpha=0.0001, beta=0.75, k=1)");
  check_text(CrossMapLRN2d(CrossMapLRN2dOptions(3).alpha(1e-5).beta(0.1).k(10)).ptr(),
             "torch::nn::CrossMapLRN2d(3, alpha=1e-05, beta=0.1, k=10)");
  check_text(Dropout().ptr(), "torch::nn::Dropout(p=0.5, inplace=false)");
  check_text(Dropout(0.42).ptr(), "torch::nn::Dropout(p=0.42, inplace=false)");
  check_text(Dropout(DropoutOptions().p(0.42).inplace(true)).ptr(),
             "torch::nn::Dropout(p=0.42, inplace=true)");
  check_text(Dropout2d().ptr(), "torch::nn::Dropout2d(p=0.5, inplace=false)");
  check_text(Dropout3d(Dropout3dOptions().p(0.42).inplace(true)).ptr(),
             "torch::nn::Dropout3d(p=0.42, inplace=true)");
  check_text(AlphaDropout().ptr(), "torch::nn::AlphaDropout(p=0.5, inplace=false)");
  check_text(AlphaDropout(AlphaDropoutOptions(0.2).inplace(true)).ptr(),
             "torch::nn::AlphaDropout(p=0.2, inplace=true)");
  check_text(FeatureAlphaDropout(FeatureAlphaDropoutOptions(0.2).inplace(true)).ptr(),
             "torch::nn::FeatureAlphaDropout(p=0.2, inplace=true)");
}

TEST_CASE("print: activations") {
  check_text(ELU().ptr(), "torch::nn::ELU(alpha=1)");
  check_text(ELU(ELUOptions().alpha(42.42).inplace(true)).ptr(),
             "torch::nn::ELU(alpha=42.42, inplace=true)");
  check_text(SELU().ptr(), "torch::nn::SELU()");
  check_text(SELU(SELUOptions().inplace(true)).ptr(), "torch::nn::SELU(inplace=true)");
  check_text(CELU().ptr(), "torch::nn::CELU(alpha=1)");
  check_text(CELU(CELUOptions().alpha(42.42).inplace(true)).ptr(),
             "torch::nn::CELU(alpha=42.42, inplace=true)");
  check_text(GLU().ptr(), "torch::nn::GLU(dim=-1)");
  check_text(GLU(1).ptr(), "torch::nn::GLU(dim=1)");
  check_text(GELU().ptr(), "torch::nn::GELU()");
  check_text(GELU(GELUOptions().approximate("tanh")).ptr(), "torch::nn::GELU()");
  check_text(Hardshrink().ptr(), "torch::nn::Hardshrink(0.5)");
  check_text(Hardshrink(42.42).ptr(), "torch::nn::Hardshrink(42.42)");
  check_text(Softshrink().ptr(), "torch::nn::Softshrink(0.5)");
  check_text(Softshrink(SoftshrinkOptions(42.42)).ptr(), "torch::nn::Softshrink(42.42)");
  check_text(Hardtanh().ptr(), "torch::nn::Hardtanh(min_val=-1, max_val=1)");
  check_text(Hardtanh(HardtanhOptions().min_val(-42.42).max_val(0.42).inplace(true)).ptr(),
             "torch::nn::Hardtanh(min_val=-42.42, max_val=0.42, inplace=true)");
  check_text(LeakyReLU().ptr(), "torch::nn::LeakyReLU(negative_slope=0.01)");
  check_text(LeakyReLU(LeakyReLUOptions().negative_slope(0.42).inplace(true)).ptr(),
             "torch::nn::LeakyReLU(negative_slope=0.42, inplace=true)");
  check_text(LogSigmoid().ptr(), "torch::nn::LogSigmoid()");
  check_text(Softmax(1).ptr(), "torch::nn::Softmax(dim=1)");
  check_text(Softmin(1).ptr(), "torch::nn::Softmin(dim=1)");
  check_text(LogSoftmax(1).ptr(), "torch::nn::LogSoftmax(dim=1)");
  check_text(Softmax2d().ptr(), "torch::nn::Softmax2d()");
  check_text(PReLU().ptr(), "torch::nn::PReLU(num_parameters=1)");
  check_text(PReLU(PReLUOptions().num_parameters(42)).ptr(), "torch::nn::PReLU(num_parameters=42)");
  check_text(ReLU().ptr(), "torch::nn::ReLU()");
  check_text(ReLU(true).ptr(), "torch::nn::ReLU(inplace=true)");
  check_text(ReLU6().ptr(), "torch::nn::ReLU6()");
  check_text(ReLU6(true).ptr(), "torch::nn::ReLU6(inplace=true)");
  check_text(RReLU().ptr(), "torch::nn::RReLU(lower=0.125, upper=0.333333)");
  check_text(RReLU(RReLUOptions().lower(0.24).upper(0.42).inplace(true)).ptr(),
             "torch::nn::RReLU(lower=0.24, upper=0.42, inplace=true)");
  check_text(SiLU().ptr(), "torch::nn::SiLU()");
  check_text(Mish().ptr(), "torch::nn::Mish()");
  check_text(Sigmoid().ptr(), "torch::nn::Sigmoid()");
  check_text(Softplus().ptr(), "torch::nn::Softplus(beta=1, threshold=20)");
  check_text(Softplus(SoftplusOptions().beta(0.24).threshold(42.42)).ptr(),
             "torch::nn::Softplus(beta=0.24, threshold=42.42)");
  check_text(Softsign().ptr(), "torch::nn::Softsign()");
  check_text(Tanh().ptr(), "torch::nn::Tanh()");
  check_text(Tanhshrink().ptr(), "torch::nn::Tanhshrink()");
  check_text(Threshold(24.24, 42.42).ptr(), "torch::nn::Threshold(threshold=24.24, value=42.42)");
  check_text(Threshold(ThresholdOptions(42.42, 24.24).inplace(true)).ptr(),
             "torch::nn::Threshold(threshold=42.42, value=24.24, inplace=true)");
}

TEST_CASE("print: losses, distances and rearrangements") {
  check_text(PixelShuffle(5).ptr(), "torch::nn::PixelShuffle(upscale_factor=5)");
  check_text(Upsample(UpsampleOptions().size(std::vector<int64_t>({2, 4, 4}))).ptr(),
             "torch::nn::Upsample(size=[2, 4, 4], mode=kNearest)");
  check_text(Upsample(UpsampleOptions()
                          .scale_factor(std::vector<double>({0.5, 1.5}))
                          .mode(kBilinear)
                          .align_corners(false))
                 .ptr(),
             "torch::nn::Upsample(scale_factor=[0.5, 1.5], mode=kBilinear)");
  check_text(FractionalMaxPool2d(FractionalMaxPool2dOptions(3).output_size(2)).ptr(),
             "torch::nn::FractionalMaxPool2d()");
  check_text(FractionalMaxPool3d(FractionalMaxPool3dOptions(3).output_ratio(0.5)).ptr(),
             "torch::nn::FractionalMaxPool3d()");
  check_text(
      AdaptiveLogSoftmaxWithLoss(AdaptiveLogSoftmaxWithLossOptions(8, 20, {5, 10}).div_value(2))
          .ptr(),
      "torch::nn::AdaptiveLogSoftmaxWithLoss(\n"
      "  (head): torch::nn::Linear(in_features=8, out_features=7, bias=false)\n"
      "  (tail): torch::nn::ModuleList(\n"
      "    (0): torch::nn::Sequential(\n"
      "      (0): torch::nn::Linear(in_features=8, out_features=4, bias=false)\n"
      "      (1): torch::nn::Linear(in_features=4, out_features=5, bias=false)\n"
      "    )\n"
      "    (1): torch::nn::Sequential(\n"
      "      (0): torch::nn::Linear(in_features=8, out_features=2, bias=false)\n"
      "      (1): torch::nn::Linear(in_features=2, out_features=10, bias=false)\n"
      "    )\n"
      "  )\n"
      ")");
  check_text(PixelUnshuffle(5).ptr(), "torch::nn::PixelUnshuffle(downscale_factor=5)");
  check_text(
      Fold(FoldOptions(4, 2)).ptr(),
      "torch::nn::Fold(output_size=[4, 4], kernel_size=[2, 2], dilation=[1, 1], padding=[0, 0], "
      "stride=[1, 1])");
  check_text(
      Fold(FoldOptions({8, 8}, {3, 3}).dilation(2).padding({2, 1}).stride(2)).ptr(),
      "torch::nn::Fold(output_size=[8, 8], kernel_size=[3, 3], dilation=[2, 2], padding=[2, 1], "
      "stride=[2, 2])");
  check_text(
      Unfold(2).ptr(),
      "torch::nn::Unfold(kernel_size=[2, 2], dilation=[1, 1], padding=[0, 0], stride=[1, 1])");
  check_text(
      Unfold(UnfoldOptions({2, 4}).dilation(2).padding(1).stride({2, 1})).ptr(),
      "torch::nn::Unfold(kernel_size=[2, 4], dilation=[2, 2], padding=[1, 1], stride=[2, 1])");
  check_text(CosineSimilarity().ptr(), "torch::nn::CosineSimilarity(dim=1, eps=1e-08)");
  check_text(CosineSimilarity(CosineSimilarityOptions().dim(2).eps(1e-5)).ptr(),
             "torch::nn::CosineSimilarity(dim=2, eps=1e-05)");
  check_text(PairwiseDistance().ptr(),
             "torch::nn::PairwiseDistance(p=2, eps=1e-06, keepdim=false)");
  check_text(PairwiseDistance(PairwiseDistanceOptions().p(3).eps(0.1).keepdim(true)).ptr(),
             "torch::nn::PairwiseDistance(p=3, eps=0.1, keepdim=true)");
  check_text(L1Loss().ptr(), "torch::nn::L1Loss()");
  check_text(MSELoss().ptr(), "torch::nn::MSELoss()");
  check_text(CTCLoss().ptr(), "torch::nn::CTCLoss()");
  check_text(BCELoss().ptr(), "torch::nn::BCELoss()");
  check_text(KLDivLoss().ptr(), "torch::nn::KLDivLoss()");
  check_text(HingeEmbeddingLoss(HingeEmbeddingLossOptions().margin(4)).ptr(),
             "torch::nn::HingeEmbeddingLoss(margin=4)");
  CHECK(
      str(MultiMarginLoss()) ==
      "torch::nn::MultiMarginLoss(p=1, margin=1, weight=[ Tensor (undefined) ], reduction=kMean)");
  check_text(CosineEmbeddingLoss(CosineEmbeddingLossOptions().margin(0.25)).ptr(),
             "torch::nn::CosineEmbeddingLoss(margin=0.25)");
  check_text(
      TripletMarginLoss(TripletMarginLossOptions().margin(3).p(2).eps(1e-6).swap(false)).ptr(),
      "torch::nn::TripletMarginLoss(margin=3, p=2, eps=1e-06, swap=false)");
  check_text(
      TripletMarginWithDistanceLoss(TripletMarginWithDistanceLossOptions().margin(3).swap(true))
          .ptr(),
      "torch::nn::TripletMarginWithDistanceLoss(margin=3, swap=true)");
  check_text(NLLLoss().ptr(), "torch::nn::NLLLoss()");
  check_text(CrossEntropyLoss().ptr(), "torch::nn::CrossEntropyLoss()");
  check_text(MultiLabelMarginLoss().ptr(), "torch::nn::MultiLabelMarginLoss()");
  check_text(SoftMarginLoss().ptr(), "torch::nn::SoftMarginLoss()");
  check_text(MultiLabelSoftMarginLoss().ptr(), "torch::nn::MultiLabelSoftMarginLoss()");
  check_text(SmoothL1Loss().ptr(), "torch::nn::SmoothL1Loss");
  check_text(SmoothL1Loss(SmoothL1LossOptions().beta(0.3)).ptr(), "torch::nn::SmoothL1Loss");
  check_text(HuberLoss().ptr(), "torch::nn::HuberLoss");
  check_text(HuberLoss(HuberLossOptions().delta(0.5)).ptr(), "torch::nn::HuberLoss");
  check_text(PoissonNLLLoss().ptr(), "torch::nn::PoissonNLLLoss()");
  check_text(MarginRankingLoss().ptr(), "torch::nn::MarginRankingLoss()");
  check_text(BCEWithLogitsLoss().ptr(), "torch::nn::BCEWithLogitsLoss()");
  check_text(TripletMarginLoss().ptr(),
             "torch::nn::TripletMarginLoss(margin=1, p=2, eps=1e-06, swap=false)");
  check_text(CosineEmbeddingLoss().ptr(), "torch::nn::CosineEmbeddingLoss(margin=0)");
  check_text(HingeEmbeddingLoss().ptr(), "torch::nn::HingeEmbeddingLoss(margin=1)");
}

TEST_CASE("print: an undefined weight") {
  CHECK(
      str(MultiMarginLoss()) ==
      "torch::nn::MultiMarginLoss(p=1, margin=1, weight=[ Tensor (undefined) ], reduction=kMean)");
}

TEST_CASE("print: containers show their children, indented") {
  check_text(Sequential().ptr(), "torch::nn::Sequential");
  check_text(Functional(functional::sigmoid).ptr(), "torch::nn::Functional()");
  check_text(ModuleList(Linear(1, 2), ModuleList(ReLU())).ptr(), R"(torch::nn::ModuleList(
  (0): torch::nn::Linear(in_features=1, out_features=2, bias=true)
  (1): torch::nn::ModuleList(
    (0): torch::nn::ReLU()
  )
))");
  check_text(Sequential({{"l", Linear(3, 4)}, {"c", Conv2d(1, 1, 1)}}).ptr(),
             R"(torch::nn::Sequential(
  (l): torch::nn::Linear(in_features=3, out_features=4, bias=true)
  (c): torch::nn::Conv2d(1, 1, kernel_size=[1, 1], stride=[1, 1])
))");
  ParameterDict dict;
  dict->insert("a", ones({2, 3}));
  check_text(dict.ptr(),
             "torch::nn::ParameterDict(\n(a): Parameter containing: [Float of size [2, 3]]\n)");
  ParameterList list(ones({2}), ones({3}, kDouble));
  check_text(list.ptr(),
             "torch::nn::ParameterList(\n(0): Parameter containing: [Float of size [2]]\n"
             "(1): Parameter containing: [Double of size [3]]\n)");
}

TEST_CASE("print: a class of one's own prints its name") {
  struct Net : Module {
    Net() { register_module("fc", Linear(2, 1)); }
  };
  const std::string text = str(Net());
  CHECK(text.find("Net(\n  (fc): torch::nn::Linear(in_features=2, out_features=1, bias=true)\n)") !=
        std::string::npos);
}

TEST_CASE("print: attention and transformer layers") {
  check_text(
      TransformerEncoder(TransformerEncoderOptions(TransformerEncoderLayerOptions(4, 2), 2)).ptr(),
      R"(torch::nn::TransformerEncoderImpl(
  (layers): torch::nn::ModuleList(
    (0): torch::nn::TransformerEncoderLayerImpl(
      (self_attn): torch::nn::MultiheadAttention(
        (out_proj): torch::nn::Linear(in_features=4, out_features=4, bias=true)
      )
      (linear1): torch::nn::Linear(in_features=4, out_features=2048, bias=true)
      (dropout): torch::nn::Dropout(p=0.1, inplace=false)
      (linear2): torch::nn::Linear(in_features=2048, out_features=4, bias=true)
      (norm1): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
      (norm2): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
      (dropout1): torch::nn::Dropout(p=0.1, inplace=false)
      (dropout2): torch::nn::Dropout(p=0.1, inplace=false)
    )
    (1): torch::nn::TransformerEncoderLayerImpl(
      (self_attn): torch::nn::MultiheadAttention(
        (out_proj): torch::nn::Linear(in_features=4, out_features=4, bias=true)
      )
      (linear1): torch::nn::Linear(in_features=4, out_features=2048, bias=true)
      (dropout): torch::nn::Dropout(p=0.1, inplace=false)
      (linear2): torch::nn::Linear(in_features=2048, out_features=4, bias=true)
      (norm1): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
      (norm2): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
      (dropout1): torch::nn::Dropout(p=0.1, inplace=false)
      (dropout2): torch::nn::Dropout(p=0.1, inplace=false)
    )
  )
))");
  check_text(TransformerDecoderLayer(4, 2).ptr(), R"(torch::nn::TransformerDecoderLayerImpl(
  (self_attn): torch::nn::MultiheadAttention(
    (out_proj): torch::nn::Linear(in_features=4, out_features=4, bias=true)
  )
  (multihead_attn): torch::nn::MultiheadAttention(
    (out_proj): torch::nn::Linear(in_features=4, out_features=4, bias=true)
  )
  (linear1): torch::nn::Linear(in_features=4, out_features=2048, bias=true)
  (dropout): torch::nn::Dropout(p=0.1, inplace=false)
  (linear2): torch::nn::Linear(in_features=2048, out_features=4, bias=true)
  (norm1): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
  (norm2): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
  (norm3): torch::nn::LayerNorm([4], eps=1e-05, elementwise_affine=true)
  (dropout1): torch::nn::Dropout(p=0.1, inplace=false)
  (dropout2): torch::nn::Dropout(p=0.1, inplace=false)
  (dropout3): torch::nn::Dropout(p=0.1, inplace=false)
))");
}
