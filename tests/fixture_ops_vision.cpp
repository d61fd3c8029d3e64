#include "nn/functional.h"
#include "tests/fixture_ops.h"

namespace fg::test {

namespace F = nn::functional;

namespace {

F::InterpolateFuncOptions interpolate_options(const Arguments& a) {
  static const std::map<std::string, F::InterpolateFuncOptions::mode_t> kModes = {
      {"nearest", kNearest},    {"nearest-exact", kNearestExact}, {"area", kArea},
      {"linear", kLinear},      {"bilinear", kBilinear},          {"bicubic", kBicubic},
      {"trilinear", kTrilinear}};
  F::InterpolateFuncOptions options;
  options.mode(kModes.at(a.text("mode"))).antialias(a.flag("antialias"));
  if (a.has("size")) options.size(a.integers("size"));
  if (a.has("scale_factor"))
    options.scale_factor(a.json("scale_factor").get<std::vector<double>>());
  if (a.has("align_corners")) options.align_corners(a.flag("align_corners"));
  if (a.has("recompute_scale_factor"))
    options.recompute_scale_factor(a.flag("recompute_scale_factor"));
  return options;
}

F::GridSampleFuncOptions grid_options(const Arguments& a) {
  F::GridSampleFuncOptions options;
  if (a.text("mode") == "nearest") options.mode(kNearest);
  if (a.text("mode") == "bicubic") options.mode(kBicubic);
  if (a.text("padding_mode") == "border") options.padding_mode(kBorder);
  if (a.text("padding_mode") == "reflection") options.padding_mode(kReflection);
  return options.align_corners(a.flag("align_corners"));
}

}  // namespace

void add_vision_ops(OpTable& table) {
  table["interpolate"] = [](auto& t, auto& a) {
    return Tensors{F::interpolate(t[0], interpolate_options(a))};
  };
  table["grid_sample"] = [](auto& t, auto& a) {
    return Tensors{F::grid_sample(t[0], t[1], grid_options(a))};
  };
  table["affine_grid"] = [](auto& t, auto& a) {
    return Tensors{F::affine_grid(t[0], a.integers("size"), a.flag("align_corners"))};
  };
}

}  // namespace fg::test
