// Patches as columns, and rearrangements between channels and space.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// The patches a 2-d convolution reads, one per column (F.unfold): [batch, channels, height, width]
/// or [channels, height, width] to [batch, channels * kernel taps, positions]. One value for both
/// dims or one each. Floating dtypes, differentiable.
Tensor im2col(const Tensor& input, IntArrayRef kernel_size, IntArrayRef dilation = 1,
              IntArrayRef padding = 0, IntArrayRef stride = 1);
/// Sums columns [batch, channels * kernel taps, positions] back into an image of spatial extents
/// `output_size` (F.fold): the adjoint of im2col. Floating dtypes, differentiable.
Tensor col2im(const Tensor& input, IntArrayRef output_size, IntArrayRef kernel_size,
              IntArrayRef dilation = 1, IntArrayRef padding = 0, IntArrayRef stride = 1);

/// [..., channels * r * r, height, width] to [..., channels, height * r, width * r].
Tensor pixel_shuffle(const Tensor& input, int64_t upscale_factor);
/// The inverse of pixel_shuffle; height and width must be multiples of `downscale_factor`.
Tensor pixel_unshuffle(const Tensor& input, int64_t downscale_factor);
/// Transposes the two factors of channels = groups * (channels / groups) of [batch, channels, ...].
Tensor channel_shuffle(const Tensor& input, int64_t groups);

}  // namespace fg
