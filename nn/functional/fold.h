// Patches and pixel shuffles in their functional form.
#pragma once

#include "nn/options/fold.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

/// Columns [N, C * kernel, positions] summed into an image [N, C, output_size]; inverse view of unfold.
Tensor fold(const Tensor& input, const FoldFuncOptions& options);
/// Patches of [N, C, H, W] as columns: [N, C * kernel, positions].
Tensor unfold(const Tensor& input, const UnfoldFuncOptions& options);
/// [..., C r^2, H, W] to [..., C, H r, W r], and back.
Tensor pixel_shuffle(const Tensor& input, const PixelShuffleFuncOptions& options);
Tensor pixel_unshuffle(const Tensor& input, const PixelUnshuffleFuncOptions& options);

}  // namespace fg::nn::functional
