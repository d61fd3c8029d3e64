// Grids of images, with the names and defaults of torchvision.utils.
#pragma once

#include <string>
#include <utility>

#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg {

struct MakeGridOptions {
  using Range = std::pair<double, double>;

  MakeGridOptions(int64_t nrow = 8) : nrow_(nrow) {}
  /// Images in a row.
  FUSEGRAD_ARG(int64_t, nrow);
  /// Pixels around each image.
  FUSEGRAD_ARG(int64_t, padding) = 2;
  /// Shifts and scales the values to [0, 1], from value_range or else from the smallest and the largest,
  /// of all images or, with scale_each, of each.
  FUSEGRAD_ARG(bool, normalize) = false;
  FUSEGRAD_ARG(optional<Range>, value_range) = nullopt;
  FUSEGRAD_ARG(bool, scale_each) = false;
  /// The value of the padding.
  FUSEGRAD_ARG(double, pad_value) = 0;
};

/// One image [C, H', W'] made of `images`: [B, C, H, W], [C, H, W] or [H, W], any real dtype. One channel
/// becomes three; a single image gets no padding.
Tensor make_grid(const Tensor& images, const MakeGridOptions& options = {});
/// The images [C, H, W] of a list, which have one shape.
Tensor make_grid(const std::vector<Tensor>& images, const MakeGridOptions& options = {});

/// Writes make_grid(images, options) as a PNG file, whatever the path ends in. Floating values in [0, 1] are
/// rounded, those outside clamped, NaN is black; Byte values are taken as they are.
void save_image(const Tensor& images, const std::string& path, const MakeGridOptions& options = {});
void save_image(const std::vector<Tensor>& images, const std::string& path,
                const MakeGridOptions& options = {});

namespace detail {
/// Byte values of an image: floating ones in [0, 1] times 255, plus `offset`, rounded down.
Tensor image_bytes(const Tensor& image, double offset);
}  // namespace detail

}  // namespace fg
