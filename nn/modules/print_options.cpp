// The printed parentheses of modules that are made from functions. The texts are libtorch's, with its
// quirks: programs compare them.
#include "nn/modules/activation.h"
#include "nn/modules/distance.h"
#include "nn/modules/dropout.h"
#include "nn/modules/fold.h"
#include "nn/modules/loss.h"
#include "nn/modules/padding.h"
#include "nn/modules/pooling.h"
#include "nn/modules/upsampling.h"

namespace fg::nn {
namespace {

using detail::bool_text;

const char* inplace_text(bool inplace) { return inplace ? ", inplace=true" : ""; }

}  // namespace

void print_options(std::ostream& out, const InplaceOptions& options) {
  out << (options.inplace() ? "(inplace=true)" : "()");
}
void print_options(std::ostream& out, const ELUOptions& options) {
  out << "(alpha=" << options.alpha() << inplace_text(options.inplace()) << ')';
}
void print_options(std::ostream& out, const CELUOptions& options) {
  out << "(alpha=" << options.alpha() << inplace_text(options.inplace()) << ')';
}
void print_options(std::ostream& out, const GLUOptions& options) {
  out << "(dim=" << options.dim() << ')';
}
void print_options(std::ostream& out, const SoftplusOptions& options) {
  out << "(beta=" << options.beta() << ", threshold=" << options.threshold() << ')';
}
void print_options(std::ostream& out, const HardshrinkOptions& options) {
  out << '(' << options.lambda() << ')';
}
void print_options(std::ostream& out, const SoftshrinkOptions& options) {
  out << '(' << options.lambda() << ')';
}
void print_options(std::ostream& out, const HardtanhOptions& options) {
  out << "(min_val=" << options.min_val() << ", max_val=" << options.max_val()
      << inplace_text(options.inplace()) << ')';
}
void print_options(std::ostream& out, const LeakyReLUOptions& options) {
  out << "(negative_slope=" << options.negative_slope() << inplace_text(options.inplace()) << ')';
}
void print_options(std::ostream& out, const ThresholdOptions& options) {
  out << "(threshold=" << options.threshold() << ", value=" << options.value()
      << inplace_text(options.inplace()) << ')';
}
void RReLUImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::RReLU(lower=" << options.lower() << ", upper=" << options.upper()
      << inplace_text(options.inplace()) << ')';
}

void detail::print_dropout(std::ostream& out, const DropoutOptions& options) {
  out << "(p=" << options.p() << ", inplace=" << bool_text(options.inplace()) << ')';
}

void print_options(std::ostream&, const SmoothL1LossOptions&) {}
void print_options(std::ostream&, const HuberLossOptions&) {}
void print_options(std::ostream& out, const HingeEmbeddingLossOptions& options) {
  out << "(margin=" << options.margin() << ')';
}
void print_options(std::ostream& out, const MultiMarginLossOptions& options) {
  out << "(p=" << options.p() << ", margin=" << options.margin() << ", weight=" << options.weight()
      << ", reduction=" << options.reduction() << ')';
}
void print_options(std::ostream& out, const CosineEmbeddingLossOptions& options) {
  out << "(margin=" << options.margin() << ')';
}
void print_options(std::ostream& out, const TripletMarginLossOptions& options) {
  out << "(margin=" << options.margin() << ", p=" << options.p() << ", eps=" << options.eps()
      << ", swap=" << bool_text(options.swap()) << ')';
}
void print_options(std::ostream& out, const TripletMarginWithDistanceLossOptions& options) {
  out << "(margin=" << options.margin() << ", swap=" << bool_text(options.swap()) << ')';
}

template <size_t D>
void print_options(std::ostream& out, const PadOptions<D>& options) {
  out << "(padding=" << options.padding() << ')';
}
template <size_t D>
void print_options(std::ostream& out, const ConstantPadOptions<D>& options) {
  out << "(padding=" << options.padding() << ", value=" << options.value() << ')';
}
template <size_t D>
void print_options(std::ostream& out, const AvgPoolOptions<D>& options) {
  out << "(kernel_size=" << options.kernel_size() << ", stride=" << options.stride()
      << ", padding=" << options.padding() << ')';
}
template <size_t D>
void print_options(std::ostream& out, const MaxPoolOptions<D>& options) {
  out << "(kernel_size=" << options.kernel_size() << ", stride=" << options.stride()
      << ", padding=" << options.padding() << ", dilation=" << options.dilation()
      << ", ceil_mode=" << bool_text(options.ceil_mode()) << ')';
}
template <size_t D>
void print_options(std::ostream& out, const AdaptivePoolOptions<D>& options) {
  out << "(output_size=" << options.output_size() << ')';
}
template <size_t D>
void print_options(std::ostream& out, const LPPoolOptions<D>& options) {
  out << "(norm_type=" << options.norm_type() << ", kernel_size=" << options.kernel_size()
      << ", stride=" << options.stride() << ", ceil_mode=" << bool_text(options.ceil_mode()) << ')';
}

template void print_options(std::ostream&, const PadOptions<1>&);
template void print_options(std::ostream&, const PadOptions<2>&);
template void print_options(std::ostream&, const PadOptions<3>&);
template void print_options(std::ostream&, const ConstantPadOptions<1>&);
template void print_options(std::ostream&, const ConstantPadOptions<2>&);
template void print_options(std::ostream&, const ConstantPadOptions<3>&);
template void print_options(std::ostream&, const AvgPoolOptions<1>&);
template void print_options(std::ostream&, const AvgPoolOptions<2>&);
template void print_options(std::ostream&, const AvgPoolOptions<3>&);
template void print_options(std::ostream&, const MaxPoolOptions<1>&);
template void print_options(std::ostream&, const MaxPoolOptions<2>&);
template void print_options(std::ostream&, const MaxPoolOptions<3>&);
template void print_options(std::ostream&, const AdaptivePoolOptions<1>&);
template void print_options(std::ostream&, const AdaptivePoolOptions<2>&);
template void print_options(std::ostream&, const AdaptivePoolOptions<3>&);
template void print_options(std::ostream&, const LPPoolOptions<1>&);
template void print_options(std::ostream&, const LPPoolOptions<2>&);

void print_options(std::ostream& out, const FoldOptions& options) {
  out << "(output_size=" << options.output_size() << ", kernel_size=" << options.kernel_size()
      << ", dilation=" << options.dilation() << ", padding=" << options.padding()
      << ", stride=" << options.stride() << ')';
}
void print_options(std::ostream& out, const UnfoldOptions& options) {
  out << "(kernel_size=" << options.kernel_size() << ", dilation=" << options.dilation()
      << ", padding=" << options.padding() << ", stride=" << options.stride() << ')';
}
void print_options(std::ostream& out, const PixelShuffleOptions& options) {
  out << "(upscale_factor=" << options.upscale_factor() << ')';
}
void print_options(std::ostream& out, const PixelUnshuffleOptions& options) {
  out << "(downscale_factor=" << options.downscale_factor() << ')';
}
void print_options(std::ostream& out, const UpsampleOptions& options) {
  if (options.scale_factor())
    out << "(scale_factor=" << ArrayRef<double>(*options.scale_factor());
  else if (options.size())
    out << "(size=" << IntArrayRef(*options.size());
  else
    out << "(size=None";
  out << ", mode=" << options.mode() << ')';
}
void print_options(std::ostream& out, const CosineSimilarityOptions& options) {
  out << "(dim=" << options.dim() << ", eps=" << options.eps() << ')';
}
void print_options(std::ostream& out, const PairwiseDistanceOptions& options) {
  out << "(p=" << options.p() << ", eps=" << options.eps()
      << ", keepdim=" << bool_text(options.keepdim()) << ')';
}

}  // namespace fg::nn
