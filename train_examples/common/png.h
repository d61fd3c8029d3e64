// Pictures as PNG.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace fg::examples {

/// Writes uint8 [height, width] (grey) or [height, width, 3] (red, green, blue).
void write_png(const std::string& path, const Tensor& image);

/// Images [N, height, width] with values in [0, 1] as one uint8 picture, `columns` in a row, each
/// pixel `scale` pixels wide, with a border between them.
Tensor picture_of_grid(const Tensor& images, int64_t columns, int64_t scale);

}  // namespace fg::examples
