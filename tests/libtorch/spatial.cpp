// Modules on space: convolutions, pooling, padding, folding, pixel shuffles, upsampling.
#include "module_show.h"

using namespace torch::nn;
namespace F = torch::nn::functional;

namespace {

void convolutions() {
  show_module("Conv1d", Conv1d(2, 3, 2), torch::randn({2, 2, 5}));
  show_module("Conv1d circular",
              Conv1d(Conv1dOptions(2, 3, 3).padding(1).padding_mode(torch::kCircular)),
              torch::randn({1, 2, 5}));
  show_module("Conv1d reflect",
              Conv1d(Conv1dOptions(2, 2, 3).padding(2).padding_mode(torch::kReflect)),
              torch::randn({1, 2, 5}));
  show_module("Conv2d", Conv2d(Conv2dOptions(2, 4, 3).stride(2).padding(1).bias(false)),
              torch::randn({2, 2, 5, 5}));
  show_module("Conv2d groups", Conv2d(Conv2dOptions(4, 4, {2, 3}).groups(2).dilation({1, 2})),
              torch::randn({1, 4, 6, 7}));
  show_module("Conv2d same", Conv2d(Conv2dOptions(1, 2, 3).padding(torch::kSame)),
              torch::randn({1, 1, 4, 4}));
  show_module("Conv2d replicate",
              Conv2d(Conv2dOptions(1, 2, 3).padding(1).padding_mode(torch::kReplicate)),
              torch::randn({1, 1, 4, 4}));
  show_module("Conv2d unbatched", Conv2d(1, 2, 3), torch::randn({1, 4, 4}));
  show_module("Conv3d", Conv3d(Conv3dOptions(1, 2, {2, 3, 2})), torch::randn({1, 1, 3, 4, 3}));
  show_module("ConvTranspose1d", ConvTranspose1d(ConvTranspose1dOptions(2, 3, 3).stride(2)),
              torch::randn({1, 2, 4}));
  show_module(
      "ConvTranspose2d",
      ConvTranspose2d(ConvTranspose2dOptions(2, 3, 3).stride(2).padding(1).output_padding(1)),
      torch::randn({1, 2, 3, 3}));
  show_module("ConvTranspose3d", ConvTranspose3d(ConvTranspose3dOptions(1, 2, 2).bias(false)),
              torch::randn({1, 1, 2, 2, 2}));
  auto x = torch::arange(16, torch::kFloat).view({1, 1, 4, 4});
  show("conv2d", F::conv2d(x, torch::ones({1, 1, 2, 2}), F::Conv2dFuncOptions().stride(2)));
  show("conv1d", F::conv1d(x.view({1, 2, 8}), torch::ones({1, 2, 3})));
  show("conv_transpose2d", F::conv_transpose2d(x, torch::ones({1, 1, 2, 2})));
  show("torch::conv2d", torch::conv2d(x, torch::ones({2, 1, 3, 3}), torch::ones({2})));
}

void pools() {
  auto line = torch::randn({1, 2, 8}), image = torch::randn({1, 2, 6, 6}),
       volume = torch::randn({1, 1, 4, 4, 4});
  show_module("MaxPool1d", MaxPool1d(MaxPool1dOptions(3).stride(2)), line);
  show_module("MaxPool2d", MaxPool2d(MaxPool2dOptions({3, 2}).stride({2, 1}).padding(1)), image);
  show_module("MaxPool2d dilated", MaxPool2d(MaxPool2dOptions(2).dilation(2).ceil_mode(true)),
              image);
  show_module("MaxPool3d", MaxPool3d(2), volume);
  show_module("AvgPool1d", AvgPool1d(AvgPool1dOptions(3).stride(2)), line);
  show_module("AvgPool2d", AvgPool2d(AvgPool2dOptions(3).padding(1).count_include_pad(false)),
              image);
  show_module("AvgPool3d", AvgPool3d(AvgPool3dOptions(2).divisor_override(3)), volume);
  show_module("AdaptiveAvgPool1d", AdaptiveAvgPool1d(3), line);
  show_module("AdaptiveAvgPool2d", AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions({3, 2})), image);
  show_module("AdaptiveAvgPool3d",
              AdaptiveAvgPool3d(AdaptiveAvgPool3dOptions({2, c10::nullopt, 1})), volume);
  show_module("AdaptiveMaxPool1d", AdaptiveMaxPool1d(3), line);
  show_module("AdaptiveMaxPool2d", AdaptiveMaxPool2d(AdaptiveMaxPool2dOptions({c10::nullopt, 2})),
              image);
  show_module("AdaptiveMaxPool3d", AdaptiveMaxPool3d(2), volume);
  show_module("LPPool1d", LPPool1d(LPPool1dOptions(2, 3).stride(2)), line.abs());
  show_module("LPPool2d", LPPool2d(LPPool2dOptions(1.5, 2)), image.abs());
  auto [values, indices] = MaxPool2d(2)->forward_with_indices(image);
  show("indices", indices);
  show("MaxUnpool2d", MaxUnpool2d(2)->forward(values, indices));
  print("MaxUnpool2d", MaxUnpool2d(MaxUnpool2dOptions({2, 3}).stride(2).padding(1)));
  auto [short_line, where] = F::max_pool1d_with_indices(line, F::MaxPool1dFuncOptions(2));
  show("max_unpool1d", F::max_unpool1d(short_line, where, F::MaxUnpool1dFuncOptions(2)));
  show("max_pool2d", F::max_pool2d(image, F::MaxPool2dFuncOptions(2)));
  show("adaptive_avg_pool2d", F::adaptive_avg_pool2d(image, F::AdaptiveAvgPool2dFuncOptions(1)));
  auto samples = torch::rand({1, 2, 2});
  FractionalMaxPool2d fractional(
      FractionalMaxPool2dOptions(2).output_size(3)._random_samples(samples));
  show_module("FractionalMaxPool2d", fractional, image);
  print("FractionalMaxPool3d", FractionalMaxPool3d(FractionalMaxPool3dOptions(3).output_size(2)));
}

void padding() {
  auto line = torch::arange(6, torch::kFloat).view({1, 2, 3}),
       image = torch::arange(12, torch::kFloat).view({1, 1, 3, 4});
  auto volume = torch::arange(8, torch::kFloat).view({1, 1, 2, 2, 2});
  show_module("ReflectionPad1d", ReflectionPad1d(2), line);
  show_module("ReflectionPad2d", ReflectionPad2d(ReflectionPad2dOptions({1, 1, 2, 0})), image);
  show_module("ReflectionPad3d", ReflectionPad3d(1), volume);
  show_module("ReplicationPad1d", ReplicationPad1d(ReplicationPad1dOptions({3, 1})), line);
  show_module("ReplicationPad2d", ReplicationPad2d(1), image);
  show_module("ReplicationPad3d", ReplicationPad3d(1), volume);
  show_module("ZeroPad2d", ZeroPad2d(ZeroPad2dOptions({1, 1, 2, 0})), image);
  show_module("ConstantPad1d", ConstantPad1d(2, 3.5), line);
  show_module("ConstantPad2d", ConstantPad2d(ConstantPad2dOptions({3, 0, 2, 1}, -1)), image);
  show_module("ConstantPad3d", ConstantPad3d(1, 2), volume);
  show("constant", F::pad(image, F::PadFuncOptions({1, 2}).mode(torch::kConstant).value(7)));
  show("circular", F::pad(image, F::PadFuncOptions({1, 2, 1, 0}).mode(torch::kCircular)));
  show("reflect", F::pad(line, F::PadFuncOptions({1, 1}).mode(torch::kReflect)));
  show("replicate", F::pad(line, F::PadFuncOptions({2, 1}).mode(torch::kReplicate)));
  show("negative", F::pad(line, F::PadFuncOptions({-1, 1})));
}

void folding() {
  show_module("Fold", Fold(FoldOptions({3, 2}, {2, 2}).padding(1)), torch::randn({1, 12, 12}));
  show_module("Unfold", Unfold(UnfoldOptions({2, 2}).padding(1).stride(2)),
              torch::randn({1, 2, 2, 2}));
  show_module("PixelShuffle", PixelShuffle(2), torch::randn({1, 8, 2, 2}));
  show_module("PixelUnshuffle", PixelUnshuffle(2), torch::randn({1, 2, 4, 4}));
}

void upsampling() {
  auto line = torch::randn({1, 2, 4}), image = torch::randn({1, 2, 3, 3}),
       volume = torch::randn({1, 1, 2, 2, 2});
  show_module(
      "nearest",
      Upsample(UpsampleOptions().scale_factor(std::vector<double>({2.0})).mode(torch::kNearest)),
      line);
  show_module("linear",
              Upsample(UpsampleOptions().size(std::vector<int64_t>({7})).mode(torch::kLinear)),
              line);
  show_module("bilinear",
              Upsample(UpsampleOptions()
                           .scale_factor(std::vector<double>({2.0, 2.0}))
                           .mode(torch::kBilinear)
                           .align_corners(false)),
              image);
  show_module("bilinear aligned",
              Upsample(UpsampleOptions()
                           .size(std::vector<int64_t>({5, 4}))
                           .mode(torch::kBilinear)
                           .align_corners(true)),
              image);
  show_module("bicubic",
              Upsample(UpsampleOptions()
                           .size(std::vector<int64_t>({5, 5}))
                           .mode(torch::kBicubic)
                           .align_corners(false)),
              image);
  show_module("trilinear",
              Upsample(UpsampleOptions()
                           .size(std::vector<int64_t>({3, 3, 3}))
                           .mode(torch::kTrilinear)
                           .align_corners(false)),
              volume);
  show("interpolate",
       F::interpolate(
           image,
           F::InterpolateFuncOptions().size(std::vector<int64_t>({2, 2})).mode(torch::kArea)));
  show("nearest exact", F::interpolate(image, F::InterpolateFuncOptions()
                                                  .size(std::vector<int64_t>({4, 4}))
                                                  .mode(torch::kNearestExact)));
  auto theta = torch::tensor({{{1.f, 0.2f, 0.f}, {-0.1f, 0.9f, 0.1f}}});
  auto grid = F::affine_grid(theta, {1, 2, 3, 3});
  show("affine_grid", grid);
  show("grid_sample", F::grid_sample(image, grid,
                                     F::GridSampleFuncOptions()
                                         .mode(torch::kBilinear)
                                         .padding_mode(torch::kZeros)
                                         .align_corners(false)));
  show("grid_sample border", F::grid_sample(image, grid * 1.5,
                                            F::GridSampleFuncOptions()
                                                .mode(torch::kNearest)
                                                .padding_mode(torch::kBorder)
                                                .align_corners(true)));
  show("grid_sample reflection", F::grid_sample(image, grid * 1.5,
                                                F::GridSampleFuncOptions()
                                                    .mode(torch::kBilinear)
                                                    .padding_mode(torch::kReflection)
                                                    .align_corners(false)));
}

}  // namespace

int main() {
  run_case("convolutions", 2e-5, 5e-6, convolutions);
  run_case("pools", 1e-5, 1e-6, pools);
  run_case("padding", 1e-6, 1e-6, padding);
  run_case("folding", 1e-6, 1e-6, folding);
  run_case("upsampling", 1e-5, 2e-6, upsampling);
}
