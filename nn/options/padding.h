// Options of the padding layers. Padding lists [begin, end] of the last dim first, then of the one
// before it, and so on.
#pragma once

#include "nn/enum.h"
#include "nn/expanding_array.h"
#include "tensor/arg.h"

namespace fg::nn {

template <size_t D>
struct PadOptions {
  PadOptions(ExpandingArray<2 * D> padding) : padding_(padding) {}
  PadOptions(std::initializer_list<int64_t> padding) : padding_(padding) {}
  PadOptions(int64_t padding) : padding_(padding) {}
  FUSEGRAD_ARG(ExpandingArray<2 * D>, padding);
};
template <size_t D>
using ReflectionPadOptions = PadOptions<D>;
template <size_t D>
using ReplicationPadOptions = PadOptions<D>;
using ReflectionPad1dOptions = PadOptions<1>;
using ReflectionPad2dOptions = PadOptions<2>;
using ReflectionPad3dOptions = PadOptions<3>;
using ReplicationPad1dOptions = PadOptions<1>;
using ReplicationPad2dOptions = PadOptions<2>;
using ReplicationPad3dOptions = PadOptions<3>;
using ZeroPad1dOptions = PadOptions<1>;
using ZeroPad2dOptions = PadOptions<2>;
using ZeroPad3dOptions = PadOptions<3>;

template <size_t D>
struct ConstantPadOptions {
  ConstantPadOptions(ExpandingArray<2 * D> padding, double value)
      : padding_(padding), value_(value) {}
  FUSEGRAD_ARG(ExpandingArray<2 * D>, padding);
  FUSEGRAD_ARG(double, value);
};
using ConstantPad1dOptions = ConstantPadOptions<1>;
using ConstantPad2dOptions = ConstantPadOptions<2>;
using ConstantPad3dOptions = ConstantPadOptions<3>;

namespace functional {

using PadMode =
    OneOf<enumtype::kConstant, enumtype::kReflect, enumtype::kReplicate, enumtype::kCircular>;

struct PadFuncOptions {
  PadFuncOptions(std::vector<int64_t> pad) : pad_(std::move(pad)) {}
  FUSEGRAD_ARG(std::vector<int64_t>, pad);
  FUSEGRAD_ARG(PadMode, mode) = kConstant;
  FUSEGRAD_ARG(double, value) = 0;
};

}  // namespace functional
}  // namespace fg::nn
