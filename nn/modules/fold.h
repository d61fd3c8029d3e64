// Patches and pixel shuffles as modules; nn/functional/fold.h has the shapes.
#pragma once

#include "nn/functional/fold.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

void print_options(std::ostream& out, const FoldOptions& options);
void print_options(std::ostream& out, const UnfoldOptions& options);
void print_options(std::ostream& out, const PixelShuffleOptions& options);
void print_options(std::ostream& out, const PixelUnshuffleOptions& options);

class FoldImpl : public FunctionModule<FoldImpl, functional::fold> {
 public:
  using FunctionModule::FunctionModule;
};
class UnfoldImpl : public FunctionModule<UnfoldImpl, functional::unfold> {
 public:
  using FunctionModule::FunctionModule;
};
class PixelShuffleImpl : public FunctionModule<PixelShuffleImpl, functional::pixel_shuffle> {
 public:
  using FunctionModule::FunctionModule;
};
class PixelUnshuffleImpl : public FunctionModule<PixelUnshuffleImpl, functional::pixel_unshuffle> {
 public:
  using FunctionModule::FunctionModule;
};
using Fold = ModuleHolder<FoldImpl>;
using Unfold = ModuleHolder<UnfoldImpl>;
using PixelShuffle = ModuleHolder<PixelShuffleImpl>;
using PixelUnshuffle = ModuleHolder<PixelUnshuffleImpl>;

}  // namespace fg::nn
