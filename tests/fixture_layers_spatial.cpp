#include "nn/modules.h"
#include "tests/layer_options.h"

namespace fg::test {

namespace {

template <class Holder, class Options, size_t D>
LayerMaker conv() {
  return [](auto& a, auto&) {
    const Options options(a.integer("in_channels"), a.integer("out_channels"),
                          array_of<D>(a, "kernel_size"));
    return layer_of(Holder(filled<D>(options, a)));
  };
}

/// A pool that gives its indices, too, where the case asks for them.
template <class Holder>
Layer with_indices(Holder module, const Arguments& a) {
  if constexpr (requires { module->forward_with_indices(Tensor()); })
    if (a.flag("return_indices"))
      return Layer{module.ptr(), [module](const Tensors& t) mutable {
                     return both(module->forward_with_indices(t[0]));
                   }};
  return layer_of(module);
}

template <class Holder, class Options, size_t D>
LayerMaker pool() {
  return [](auto& a, auto&) {
    Holder module(filled<D>(Options(array_of<D>(a, "kernel_size")), a));
    return with_indices(module, a);
  };
}

template <class Holder, class Options, size_t D>
LayerMaker lp_pool() {
  return [](auto& a, auto&) {
    return layer_of(
        Holder(filled<D>(Options(a.number("norm_type"), array_of<D>(a, "kernel_size")), a)));
  };
}

template <class Holder, class Options, size_t D>
LayerMaker fractional_pool() {
  return [](auto& a, auto& tensors) {
    Options options(array_of<D>(a, "kernel_size"));
    options._random_samples(tensors["_random_samples"]);
    if (a.has("output_size")) options.output_size(array_of<D>(a, "output_size"));
    if (a.has("output_ratio")) {
      const auto& ratio = a.json("output_ratio");
      options.output_ratio(
          ratio.is_array() ? ExpandingArray<D, double>(ratio.template get<std::vector<double>>())
                           : ExpandingArray<D, double>(ratio.template get<double>()));
    }
    return with_indices(Holder(options), a);
  };
}

/// None in an output size keeps the input's extent.
template <size_t D>
ExpandingArrayWithOptionalElem<D> output_size_of(const Arguments& a) {
  std::vector<optional<int64_t>> sizes;
  for (int64_t size : a.integers("output_size"))
    sizes.push_back(size < 0 ? nullopt : optional<int64_t>(size));
  if (sizes.size() == 1) sizes.resize(D, sizes[0]);
  return sizes;
}

template <class Holder, class Options, size_t D>
LayerMaker adaptive_pool() {
  return [](auto& a, auto&) {
    Holder module{Options(output_size_of<D>(a))};
    return with_indices(module, a);
  };
}

template <class Holder, class Options>
LayerMaker channel_norm() {
  return [](auto& a, auto&) {
    return layer_of(Holder(filled<0>(Options(a.integer("num_features")), a)));
  };
}

template <class Holder, class Options, size_t D>
LayerMaker padding() {
  return [](auto& a, auto&) {
    const ExpandingArray<2 * D> amounts = array_of<2 * D>(a, "padding");
    if constexpr (std::is_constructible_v<Options, ExpandingArray<2 * D>, double>) {
      return layer_of(Holder(Options(amounts, a.number("value"))));
    } else {
      return layer_of(Holder(Options(amounts)));
    }
  };
}

void add_layers_per_dim(LayerTable& table) {
#define X(D)                                                                                       \
  table["Conv" #D "d"] = conv<nn::Conv##D##d, nn::Conv##D##dOptions, D>();                         \
  table["ConvTranspose" #D "d"] =                                                                  \
      conv<nn::ConvTranspose##D##d, nn::ConvTranspose##D##dOptions, D>();                          \
  table["MaxPool" #D "d"] = pool<nn::MaxPool##D##d, nn::MaxPool##D##dOptions, D>();                \
  table["AvgPool" #D "d"] = pool<nn::AvgPool##D##d, nn::AvgPool##D##dOptions, D>();                \
  table["AdaptiveAvgPool" #D "d"] =                                                                \
      adaptive_pool<nn::AdaptiveAvgPool##D##d, nn::AdaptiveAvgPool##D##dOptions, D>();             \
  table["AdaptiveMaxPool" #D "d"] =                                                                \
      adaptive_pool<nn::AdaptiveMaxPool##D##d, nn::AdaptiveMaxPool##D##dOptions, D>();             \
  table["BatchNorm" #D "d"] = channel_norm<nn::BatchNorm##D##d, nn::BatchNormOptions>();           \
  table["InstanceNorm" #D "d"] = channel_norm<nn::InstanceNorm##D##d, nn::InstanceNormOptions>();  \
  table["ConstantPad" #D "d"] = padding<nn::ConstantPad##D##d, nn::ConstantPad##D##dOptions, D>(); \
  table["ReflectionPad" #D "d"] =                                                                  \
      padding<nn::ReflectionPad##D##d, nn::ReflectionPad##D##dOptions, D>();                       \
  table["ReplicationPad" #D "d"] =                                                                 \
      padding<nn::ReplicationPad##D##d, nn::ReplicationPad##D##dOptions, D>()
  X(1);
  X(2);
  X(3);
#undef X
  table["ZeroPad2d"] = padding<nn::ZeroPad2d, nn::ZeroPad2dOptions, 2>();
  table["LPPool1d"] = lp_pool<nn::LPPool1d, nn::LPPool1dOptions, 1>();
  table["LPPool2d"] = lp_pool<nn::LPPool2d, nn::LPPool2dOptions, 2>();
}

}  // namespace

void add_spatial_layers(LayerTable& table) {
  add_layers_per_dim(table);
  table["LayerNorm"] = [](auto& a, auto&) {
    return layer_of(
        nn::LayerNorm(filled<0>(nn::LayerNormOptions(a.integers("normalized_shape")), a)));
  };
  table["RMSNorm"] = [](auto& a, auto&) {
    return layer_of(nn::RMSNorm(filled<0>(nn::RMSNormOptions(a.integers("normalized_shape")), a)));
  };
  table["GroupNorm"] = [](auto& a, auto&) {
    const nn::GroupNormOptions options(a.integer("num_groups"), a.integer("num_channels"));
    return layer_of(nn::GroupNorm(filled<0>(options, a)));
  };
  table["LocalResponseNorm"] = [](auto& a, auto&) {
    return layer_of(
        nn::LocalResponseNorm(filled<0>(nn::LocalResponseNormOptions(a.integer("size")), a)));
  };
  table["Unfold"] = [](auto& a, auto&) {
    return layer_of(nn::Unfold(filled<2>(nn::UnfoldOptions(array_of<2>(a, "kernel_size")), a)));
  };
  table["Fold"] = [](auto& a, auto&) {
    const nn::FoldOptions options(array_of<2>(a, "output_size"), array_of<2>(a, "kernel_size"));
    return layer_of(nn::Fold(filled<2>(options, a)));
  };
  table["FractionalMaxPool2d"] =
      fractional_pool<nn::FractionalMaxPool2d, nn::FractionalMaxPool2dOptions, 2>();
  table["FractionalMaxPool3d"] =
      fractional_pool<nn::FractionalMaxPool3d, nn::FractionalMaxPool3dOptions, 3>();
  table["Upsample"] = [](auto& a, auto&) {
    nn::UpsampleOptions options;
    if (a.has("size")) options.size(a.integers("size"));
    if (a.has("scale_factor"))
      options.scale_factor(a.json("scale_factor").template get<std::vector<double>>());
    if (a.has("align_corners")) options.align_corners(a.flag("align_corners"));
    if (a.text("mode") == "bilinear") options.mode(kBilinear);
    return layer_of(nn::Upsample(options));
  };
  table["PixelShuffle"] = [](auto& a, auto&) {
    return layer_of(nn::PixelShuffle(nn::PixelShuffleOptions(a.integer("upscale_factor"))));
  };
  table["PixelUnshuffle"] = [](auto& a, auto&) {
    return layer_of(nn::PixelUnshuffle(nn::PixelUnshuffleOptions(a.integer("downscale_factor"))));
  };
}

}  // namespace fg::test
