// What modules print: the texts that libtorch 1.13 prints for the same expressions.
#include <doctest/doctest.h>

#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

TEST_CASE("print: linear maps, convolutions and tables") {
  CHECK(str(Linear(3, 4)) == "torch::nn::Linear(in_features=3, out_features=4, bias=true)");
  CHECK(str(Linear(LinearOptions(3, 4).bias(false))) ==
        "torch::nn::Linear(in_features=3, out_features=4, bias=false)");
  CHECK(str(Bilinear(3, 2, 4)) ==
        "torch::nn::Bilinear(in1_features=3, in2_features=2, out_features=4, bias=true)");
  CHECK(str(Bilinear(BilinearOptions(3, 2, 4).bias(false))) ==
        "torch::nn::Bilinear(in1_features=3, in2_features=2, out_features=4, bias=false)");
  CHECK(str(Identity()) == "torch::nn::Identity()");
  CHECK(str(Flatten()) == "torch::nn::Flatten(start_dim=1, end_dim=-1)");
  CHECK(str(Flatten(FlattenOptions().start_dim(2).end_dim(4))) ==
        "torch::nn::Flatten(start_dim=2, end_dim=4)");
  CHECK(str(Unflatten(UnflattenOptions(0, {2, 2}))) ==
        "torch::nn::Unflatten(dim=0, unflattened_size={2, 2})");
  CHECK(str(Unflatten(UnflattenOptions("B", {{"B1", 2}, {"B2", 2}}))) ==
        "torch::nn::Unflatten(dim=\"B\", unflattened_size={{\"B1\", 2}, {\"B2\", 2}})");
  CHECK(str(Conv1d(3, 4, 5)) == "torch::nn::Conv1d(3, 4, kernel_size=5, stride=1)");
  CHECK(str(Conv2d(3, 4, 5)) == "torch::nn::Conv2d(3, 4, kernel_size=[5, 5], stride=[1, 1])");
  CHECK(str(Conv2d(Conv2dOptions(3, 4, 5).stride(2))) ==
        "torch::nn::Conv2d(3, 4, kernel_size=[5, 5], stride=[2, 2])");
  CHECK(str(Conv2d(Conv2dOptions(3, 4, std::vector<int64_t>{5, 6})
                       .stride({1, 2})
                       .padding({1, 0})
                       .dilation({1, 2})
                       .groups(1)
                       .bias(false)
                       .padding_mode(kCircular))) ==
        "torch::nn::Conv2d(3, 4, kernel_size=[5, 6], stride=[1, 2], padding=[1, 0], dilation=[1, "
        "2], bias=false, padding_mode=kCircular)");
  CHECK(str(Conv2d(Conv2dOptions(4, 4, 5).padding(kSame).groups(2))) ==
        "torch::nn::Conv2d(4, 4, kernel_size=[5, 5], stride=[1, 1], padding='same', groups=2)");
  CHECK(str(Conv2d(Conv2dOptions(4, 4, 5).padding(kValid))) ==
        "torch::nn::Conv2d(4, 4, kernel_size=[5, 5], stride=[1, 1], padding='valid')");
  CHECK(str(Conv3d(4, 4, std::vector<int64_t>{5, 6, 7})) ==
        "torch::nn::Conv3d(4, 4, kernel_size=[5, 6, 7], stride=[1, 1, 1])");
  CHECK(str(Conv1d(Conv1dOptions(3, 4, 5).padding(2).dilation(3))) ==
        "torch::nn::Conv1d(3, 4, kernel_size=5, stride=1, padding=2, dilation=3)");
  CHECK(str(ConvTranspose1d(3, 4, 5)) ==
        "torch::nn::ConvTranspose1d(3, 4, kernel_size=5, stride=1)");
  CHECK(str(ConvTranspose2d(
            ConvTranspose2dOptions(3, 4, 5).stride(2).padding(1).output_padding(1).dilation(2).bias(
                false))) ==
        "torch::nn::ConvTranspose2d(3, 4, kernel_size=[5, 5], stride=[2, 2], padding=[1, 1], "
        "dilation=[2, 2], output_padding=[1, 1], bias=false)");
  CHECK(str(ConvTranspose3d(4, 4, std::vector<int64_t>{5, 6, 7})) ==
        "torch::nn::ConvTranspose3d(4, 4, kernel_size=[5, 6, 7], stride=[1, 1, 1])");
  CHECK(str(Embedding(10, 2)) == "torch::nn::Embedding(num_embeddings=10, embedding_dim=2)");
  CHECK(str(Embedding(EmbeddingOptions(10, 2).padding_idx(3).max_norm(2))) ==
        "torch::nn::Embedding(num_embeddings=10, embedding_dim=2, padding_idx=3, max_norm=2)");
  CHECK(str(Embedding(EmbeddingOptions(10, 2)
                          .padding_idx(3)
                          .max_norm(2)
                          .norm_type(2.5)
                          .scale_grad_by_freq(true)
                          .sparse(true))) ==
        "torch::nn::Embedding(num_embeddings=10, embedding_dim=2, padding_idx=3, max_norm=2, "
        "norm_type=2.5, scale_grad_by_freq=true, sparse=true)");
  CHECK(str(EmbeddingBag(10, 2)) == "torch::nn::EmbeddingBag(num_embeddings=10, embedding_dim=2)");
  CHECK(str(EmbeddingBag(EmbeddingBagOptions(10, 2)
                             .max_norm(2)
                             .norm_type(2.5)
                             .scale_grad_by_freq(true)
                             .sparse(true)
                             .mode(kSum))) ==
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
  CHECK(str(MaxPool1d(5)) ==
        "torch::nn::MaxPool1d(kernel_size=5, stride=5, padding=0, dilation=1, ceil_mode=false)");
  CHECK(str(MaxPool2d(5)) ==
        "torch::nn::MaxPool2d(kernel_size=[5, 5], stride=[5, 5], padding=[0, 0], dilation=[1, 1], "
        "ceil_mode=false)");
  CHECK(str(MaxPool2d(MaxPool2dOptions(5).stride(2))) ==
        "torch::nn::MaxPool2d(kernel_size=[5, 5], stride=[2, 2], padding=[0, 0], dilation=[1, 1], "
        "ceil_mode=false)");
  CHECK(str(MaxPool3d(5)) ==
        "torch::nn::MaxPool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0], "
        "dilation=[1, 1, 1], ceil_mode=false)");
  CHECK(str(MaxPool2d(MaxPool2dOptions(std::vector<int64_t>{5, 6})
                          .stride({1, 2})
                          .padding(1)
                          .dilation(2)
                          .ceil_mode(true))) ==
        "torch::nn::MaxPool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1], dilation=[2, 2], "
        "ceil_mode=true)");
  CHECK(str(AvgPool1d(5)) == "torch::nn::AvgPool1d(kernel_size=5, stride=5, padding=0)");
  CHECK(str(AvgPool2d(5)) ==
        "torch::nn::AvgPool2d(kernel_size=[5, 5], stride=[5, 5], padding=[0, 0])");
  CHECK(str(AvgPool2d(AvgPool2dOptions(std::vector<int64_t>{5, 6})
                          .stride({1, 2})
                          .padding(1)
                          .count_include_pad(false)
                          .divisor_override(3))) ==
        "torch::nn::AvgPool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1])");
  CHECK(str(AvgPool3d(5)) ==
        "torch::nn::AvgPool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0])");
  CHECK(str(AdaptiveAvgPool1d(5)) == "torch::nn::AdaptiveAvgPool1d(output_size=5)");
  CHECK(str(AdaptiveAvgPool2d(5)) == "torch::nn::AdaptiveAvgPool2d(output_size=[5, 5])");
  CHECK(str(AdaptiveAvgPool2d(std::vector<int64_t>{5, 6})) ==
        "torch::nn::AdaptiveAvgPool2d(output_size=[5, 6])");
  CHECK(str(AdaptiveAvgPool3d(5)) == "torch::nn::AdaptiveAvgPool3d(output_size=[5, 5, 5])");
  CHECK(str(AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions({5, nullopt}))) ==
        "torch::nn::AdaptiveAvgPool2d(output_size=[5, None])");
  CHECK(str(AdaptiveMaxPool1d(5)) == "torch::nn::AdaptiveMaxPool1d(output_size=5)");
  CHECK(str(AdaptiveMaxPool2d(5)) == "torch::nn::AdaptiveMaxPool2d(output_size=[5, 5])");
  CHECK(str(AdaptiveMaxPool2d(AdaptiveMaxPool2dOptions({nullopt, 6}))) ==
        "torch::nn::AdaptiveMaxPool2d(output_size=[None, 6])");
  CHECK(str(AdaptiveMaxPool3d(std::vector<int64_t>{5, 6, 7})) ==
        "torch::nn::AdaptiveMaxPool3d(output_size=[5, 6, 7])");
  CHECK(str(MaxUnpool1d(5)) == "torch::nn::MaxUnpool1d(kernel_size=5, stride=5, padding=0)");
  CHECK(
      str(MaxUnpool2d(MaxUnpool2dOptions(std::vector<int64_t>{5, 6}).stride({1, 2}).padding(1))) ==
      "torch::nn::MaxUnpool2d(kernel_size=[5, 6], stride=[1, 2], padding=[1, 1])");
  CHECK(str(MaxUnpool3d(5)) ==
        "torch::nn::MaxUnpool3d(kernel_size=[5, 5, 5], stride=[5, 5, 5], padding=[0, 0, 0])");
  CHECK(str(LPPool1d(2, 5)) ==
        "torch::nn::LPPool1d(norm_type=2, kernel_size=5, stride=5, ceil_mode=false)");
  CHECK(str(LPPool1d(LPPool1dOptions(1, 2).stride(5).ceil_mode(true))) ==
        "torch::nn::LPPool1d(norm_type=1, kernel_size=2, stride=5, ceil_mode=true)");
  CHECK(str(LPPool2d(2, std::vector<int64_t>{1, 2})) ==
        "torch::nn::LPPool2d(norm_type=2, kernel_size=[1, 2], stride=[1, 2], ceil_mode=false)");
  CHECK(str(ReflectionPad1d(ReflectionPad1dOptions(2))) ==
        "torch::nn::ReflectionPad1d(padding=[2, 2])");
  CHECK(str(ReflectionPad1d(ReflectionPad1dOptions({3, 1}))) ==
        "torch::nn::ReflectionPad1d(padding=[3, 1])");
  CHECK(str(ReflectionPad2d(ReflectionPad2dOptions({1, 1, 2, 0}))) ==
        "torch::nn::ReflectionPad2d(padding=[1, 1, 2, 0])");
  CHECK(str(ReflectionPad3d(2)) == "torch::nn::ReflectionPad3d(padding=[2, 2, 2, 2, 2, 2])");
  CHECK(str(ReplicationPad1d(2)) == "torch::nn::ReplicationPad1d(padding=[2, 2])");
  CHECK(str(ReplicationPad2d(ReplicationPad2dOptions({1, 1, 2, 0}))) ==
        "torch::nn::ReplicationPad2d(padding=[1, 1, 2, 0])");
  CHECK(str(ReplicationPad3d(ReplicationPad3dOptions({1, 2, 1, 2, 1, 2}))) ==
        "torch::nn::ReplicationPad3d(padding=[1, 2, 1, 2, 1, 2])");
  CHECK(str(ZeroPad2d(2)) == "torch::nn::ZeroPad2d(padding=[2, 2, 2, 2])");
  CHECK(str(ZeroPad2d(ZeroPad2dOptions({1, 1, 2, 0}))) ==
        "torch::nn::ZeroPad2d(padding=[1, 1, 2, 0])");
  CHECK(str(ConstantPad1d(2, 3.5)) == "torch::nn::ConstantPad1d(padding=[2, 2], value=3.5)");
  CHECK(str(ConstantPad2d(ConstantPad2dOptions({3, 0, 2, 1}, 3.5))) ==
        "torch::nn::ConstantPad2d(padding=[3, 0, 2, 1], value=3.5)");
  CHECK(str(ConstantPad3d(ConstantPad3dOptions(1, 3.5))) ==
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
  CHECK(str(InstanceNorm1d(4)) ==
        "torch::nn::InstanceNorm1d(4, eps=1e-05, momentum=0.1, affine=false, "
        "track_running_stats=false)");
  CHECK(str(InstanceNorm1d(
            InstanceNorm1dOptions(4).eps(0.5).momentum(0.1).affine(false).track_running_stats(
                true))) ==
        "torch::nn::InstanceNorm1d(4, eps=0.5, momentum=0.1, affine=false, "
        "track_running_stats=true)");
  CHECK(str(InstanceNorm2d(4)) ==
        "torch::nn::InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=false, "
        "track_running_stats=false)");
  CHECK(str(InstanceNorm3d(4)) ==
        "torch::nn::InstanceNorm3d(4, eps=1e-05, momentum=0.1, affine=false, "
        "track_running_stats=false)");
  CHECK(str(LayerNorm(LayerNormOptions({2, 2}))) ==
        "torch::nn::LayerNorm([2, 2], eps=1e-05, elementwise_affine=true)");
  CHECK(str(LayerNorm(LayerNormOptions({2, 2}).elementwise_affine(false).eps(2e-5))) ==
        "torch::nn::LayerNorm([2, 2], eps=2e-05, elementwise_affine=false)");
  CHECK(str(GroupNorm(GroupNormOptions(2, 2))) ==
        "torch::nn::GroupNorm(2, 2, eps=1e-05, affine=true)");
  CHECK(str(GroupNorm(GroupNormOptions(2, 2).eps(2e-5).affine(false))) ==
        "torch::nn::GroupNorm(2, 2, eps=2e-05, affine=false)");
  CHECK(str(LocalResponseNorm(LocalResponseNormOptions(2))) ==
        "torch::nn::LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1)");
  CHECK(str(LocalResponseNorm(LocalResponseNormOptions(2).alpha(0.0002).beta(0.85).k(2.))) ==
        "torch::nn::LocalResponseNorm(2, alpha=0.0002, beta=0.85, k=2)");
  CHECK(str(CrossMapLRN2d(4)) == "torch::nn::CrossMapLRN2d(4, alpha=0.0001, beta=0.75, k=1)");
  CHECK(str(CrossMapLRN2d(CrossMapLRN2dOptions(3).alpha(1e-5).beta(0.1).k(10))) ==
        "torch::nn::CrossMapLRN2d(3, alpha=1e-05, beta=0.1, k=10)");
  CHECK(str(Dropout()) == "torch::nn::Dropout(p=0.5, inplace=false)");
  CHECK(str(Dropout(0.42)) == "torch::nn::Dropout(p=0.42, inplace=false)");
  CHECK(str(Dropout(DropoutOptions().p(0.42).inplace(true))) ==
        "torch::nn::Dropout(p=0.42, inplace=true)");
  CHECK(str(Dropout2d()) == "torch::nn::Dropout2d(p=0.5, inplace=false)");
  CHECK(str(Dropout3d(Dropout3dOptions().p(0.42).inplace(true))) ==
        "torch::nn::Dropout3d(p=0.42, inplace=true)");
  CHECK(str(AlphaDropout()) == "torch::nn::AlphaDropout(p=0.5, inplace=false)");
  CHECK(str(AlphaDropout(AlphaDropoutOptions(0.2).inplace(true))) ==
        "torch::nn::AlphaDropout(p=0.2, inplace=true)");
  CHECK(str(FeatureAlphaDropout(FeatureAlphaDropoutOptions(0.2).inplace(true))) ==
        "torch::nn::FeatureAlphaDropout(p=0.2, inplace=true)");
}

TEST_CASE("print: activations") {
  CHECK(str(ELU()) == "torch::nn::ELU(alpha=1)");
  CHECK(str(ELU(ELUOptions().alpha(42.42).inplace(true))) ==
        "torch::nn::ELU(alpha=42.42, inplace=true)");
  CHECK(str(SELU()) == "torch::nn::SELU()");
  CHECK(str(SELU(SELUOptions().inplace(true))) == "torch::nn::SELU(inplace=true)");
  CHECK(str(CELU()) == "torch::nn::CELU(alpha=1)");
  CHECK(str(CELU(CELUOptions().alpha(42.42).inplace(true))) ==
        "torch::nn::CELU(alpha=42.42, inplace=true)");
  CHECK(str(GLU()) == "torch::nn::GLU(dim=-1)");
  CHECK(str(GLU(1)) == "torch::nn::GLU(dim=1)");
  CHECK(str(GELU()) == "torch::nn::GELU()");
  CHECK(str(GELU(GELUOptions().approximate("tanh"))) == "torch::nn::GELU()");
  CHECK(str(Hardshrink()) == "torch::nn::Hardshrink(0.5)");
  CHECK(str(Hardshrink(42.42)) == "torch::nn::Hardshrink(42.42)");
  CHECK(str(Softshrink()) == "torch::nn::Softshrink(0.5)");
  CHECK(str(Softshrink(SoftshrinkOptions(42.42))) == "torch::nn::Softshrink(42.42)");
  CHECK(str(Hardtanh()) == "torch::nn::Hardtanh(min_val=-1, max_val=1)");
  CHECK(str(Hardtanh(HardtanhOptions().min_val(-42.42).max_val(0.42).inplace(true))) ==
        "torch::nn::Hardtanh(min_val=-42.42, max_val=0.42, inplace=true)");
  CHECK(str(LeakyReLU()) == "torch::nn::LeakyReLU(negative_slope=0.01)");
  CHECK(str(LeakyReLU(LeakyReLUOptions().negative_slope(0.42).inplace(true))) ==
        "torch::nn::LeakyReLU(negative_slope=0.42, inplace=true)");
  CHECK(str(LogSigmoid()) == "torch::nn::LogSigmoid()");
  CHECK(str(Softmax(1)) == "torch::nn::Softmax(dim=1)");
  CHECK(str(Softmin(1)) == "torch::nn::Softmin(dim=1)");
  CHECK(str(LogSoftmax(1)) == "torch::nn::LogSoftmax(dim=1)");
  CHECK(str(Softmax2d()) == "torch::nn::Softmax2d()");
  CHECK(str(PReLU()) == "torch::nn::PReLU(num_parameters=1)");
  CHECK(str(PReLU(PReLUOptions().num_parameters(42))) == "torch::nn::PReLU(num_parameters=42)");
  CHECK(str(ReLU()) == "torch::nn::ReLU()");
  CHECK(str(ReLU(true)) == "torch::nn::ReLU(inplace=true)");
  CHECK(str(ReLU6()) == "torch::nn::ReLU6()");
  CHECK(str(ReLU6(true)) == "torch::nn::ReLU6(inplace=true)");
  CHECK(str(RReLU()) == "torch::nn::RReLU(lower=0.125, upper=0.333333)");
  CHECK(str(RReLU(RReLUOptions().lower(0.24).upper(0.42).inplace(true))) ==
        "torch::nn::RReLU(lower=0.24, upper=0.42, inplace=true)");
  CHECK(str(SiLU()) == "torch::nn::SiLU()");
  CHECK(str(Mish()) == "torch::nn::Mish()");
  CHECK(str(Sigmoid()) == "torch::nn::Sigmoid()");
  CHECK(str(Softplus()) == "torch::nn::Softplus(beta=1, threshold=20)");
  CHECK(str(Softplus(SoftplusOptions().beta(0.24).threshold(42.42))) ==
        "torch::nn::Softplus(beta=0.24, threshold=42.42)");
  CHECK(str(Softsign()) == "torch::nn::Softsign()");
  CHECK(str(Tanh()) == "torch::nn::Tanh()");
  CHECK(str(Tanhshrink()) == "torch::nn::Tanhshrink()");
  CHECK(str(Threshold(24.24, 42.42)) == "torch::nn::Threshold(threshold=24.24, value=42.42)");
  CHECK(str(Threshold(ThresholdOptions(42.42, 24.24).inplace(true))) ==
        "torch::nn::Threshold(threshold=42.42, value=24.24, inplace=true)");
}

TEST_CASE("print: losses, distances and rearrangements") {
  CHECK(str(PixelShuffle(5)) == "torch::nn::PixelShuffle(upscale_factor=5)");
  CHECK(str(PixelUnshuffle(5)) == "torch::nn::PixelUnshuffle(downscale_factor=5)");
  CHECK(str(Fold(FoldOptions(4, 2))) ==
        "torch::nn::Fold(output_size=[4, 4], kernel_size=[2, 2], dilation=[1, 1], padding=[0, 0], "
        "stride=[1, 1])");
  CHECK(str(Fold(FoldOptions({8, 8}, {3, 3}).dilation(2).padding({2, 1}).stride(2))) ==
        "torch::nn::Fold(output_size=[8, 8], kernel_size=[3, 3], dilation=[2, 2], padding=[2, 1], "
        "stride=[2, 2])");
  CHECK(str(Unfold(2)) ==
        "torch::nn::Unfold(kernel_size=[2, 2], dilation=[1, 1], padding=[0, 0], stride=[1, 1])");
  CHECK(str(Unfold(UnfoldOptions({2, 4}).dilation(2).padding(1).stride({2, 1}))) ==
        "torch::nn::Unfold(kernel_size=[2, 4], dilation=[2, 2], padding=[1, 1], stride=[2, 1])");
  CHECK(str(CosineSimilarity()) == "torch::nn::CosineSimilarity(dim=1, eps=1e-08)");
  CHECK(str(CosineSimilarity(CosineSimilarityOptions().dim(2).eps(1e-5))) ==
        "torch::nn::CosineSimilarity(dim=2, eps=1e-05)");
  CHECK(str(PairwiseDistance()) == "torch::nn::PairwiseDistance(p=2, eps=1e-06, keepdim=false)");
  CHECK(str(PairwiseDistance(PairwiseDistanceOptions().p(3).eps(0.1).keepdim(true))) ==
        "torch::nn::PairwiseDistance(p=3, eps=0.1, keepdim=true)");
  CHECK(str(L1Loss()) == "torch::nn::L1Loss()");
  CHECK(str(MSELoss()) == "torch::nn::MSELoss()");
  CHECK(str(CTCLoss()) == "torch::nn::CTCLoss()");
  CHECK(str(BCELoss()) == "torch::nn::BCELoss()");
  CHECK(str(KLDivLoss()) == "torch::nn::KLDivLoss()");
  CHECK(str(HingeEmbeddingLoss(HingeEmbeddingLossOptions().margin(4))) ==
        "torch::nn::HingeEmbeddingLoss(margin=4)");
  CHECK(
      str(MultiMarginLoss()) ==
      "torch::nn::MultiMarginLoss(p=1, margin=1, weight=[ Tensor (undefined) ], reduction=kMean)");
  CHECK(str(CosineEmbeddingLoss(CosineEmbeddingLossOptions().margin(0.25))) ==
        "torch::nn::CosineEmbeddingLoss(margin=0.25)");
  CHECK(str(TripletMarginLoss(TripletMarginLossOptions().margin(3).p(2).eps(1e-6).swap(false))) ==
        "torch::nn::TripletMarginLoss(margin=3, p=2, eps=1e-06, swap=false)");
  CHECK(str(TripletMarginWithDistanceLoss(TripletMarginWithDistanceLossOptions().margin(3).swap(
            true))) == "torch::nn::TripletMarginWithDistanceLoss(margin=3, swap=true)");
  CHECK(str(NLLLoss()) == "torch::nn::NLLLoss()");
  CHECK(str(CrossEntropyLoss()) == "torch::nn::CrossEntropyLoss()");
  CHECK(str(MultiLabelMarginLoss()) == "torch::nn::MultiLabelMarginLoss()");
  CHECK(str(SoftMarginLoss()) == "torch::nn::SoftMarginLoss()");
  CHECK(str(MultiLabelSoftMarginLoss()) == "torch::nn::MultiLabelSoftMarginLoss()");
  CHECK(str(SmoothL1Loss()) == "torch::nn::SmoothL1Loss");
  CHECK(str(SmoothL1Loss(SmoothL1LossOptions().beta(0.3))) == "torch::nn::SmoothL1Loss");
  CHECK(str(HuberLoss()) == "torch::nn::HuberLoss");
  CHECK(str(HuberLoss(HuberLossOptions().delta(0.5))) == "torch::nn::HuberLoss");
  CHECK(str(PoissonNLLLoss()) == "torch::nn::PoissonNLLLoss()");
  CHECK(str(MarginRankingLoss()) == "torch::nn::MarginRankingLoss()");
  CHECK(str(BCEWithLogitsLoss()) == "torch::nn::BCEWithLogitsLoss()");
  CHECK(str(TripletMarginLoss()) ==
        "torch::nn::TripletMarginLoss(margin=1, p=2, eps=1e-06, swap=false)");
  CHECK(str(CosineEmbeddingLoss()) == "torch::nn::CosineEmbeddingLoss(margin=0)");
  CHECK(str(HingeEmbeddingLoss()) == "torch::nn::HingeEmbeddingLoss(margin=1)");
}

TEST_CASE("print: an undefined weight") {
  CHECK(
      str(MultiMarginLoss()) ==
      "torch::nn::MultiMarginLoss(p=1, margin=1, weight=[ Tensor (undefined) ], reduction=kMean)");
}

TEST_CASE("print: containers show their children, indented") {
  CHECK(str(Sequential()) == "torch::nn::Sequential");
  CHECK(str(Functional(functional::sigmoid)) == "torch::nn::Functional()");
  CHECK(str(ModuleList(Linear(1, 2), ModuleList(ReLU()))) ==
        R"(torch::nn::ModuleList(
  (0): torch::nn::Linear(in_features=1, out_features=2, bias=true)
  (1): torch::nn::ModuleList(
    (0): torch::nn::ReLU()
  )
))");
  CHECK(str(Sequential({{"l", Linear(3, 4)}, {"c", Conv2d(1, 1, 1)}})) == R"(torch::nn::Sequential(
  (l): torch::nn::Linear(in_features=3, out_features=4, bias=true)
  (c): torch::nn::Conv2d(1, 1, kernel_size=[1, 1], stride=[1, 1])
))");
  ParameterDict dict;
  dict->insert("a", ones({2, 3}));
  CHECK(str(dict) ==
        "torch::nn::ParameterDict(\n(a): Parameter containing: [Float of size [2, 3]]\n)");
  ParameterList list(ones({2}), ones({3}, kDouble));
  CHECK(str(list) ==
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
  CHECK(str(TransformerEncoder(TransformerEncoderOptions(
            TransformerEncoderLayerOptions(4, 2), 2))) == R"(torch::nn::TransformerEncoderImpl(
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
  CHECK(str(TransformerDecoderLayer(4, 2)) == R"(torch::nn::TransformerDecoderLayerImpl(
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
