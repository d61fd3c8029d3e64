// Pictures as PNG, on zlib alone.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace fg {

/// The PNG file of a picture: Byte [height, width] (grey) or [height, width, channels] with 1 channel (grey),
/// 2 (grey, opacity), 3 (red, green, blue) or 4 (and opacity); on any device, no extent 0. `op` begins the
/// errors.
std::string encode_png(const Tensor& image, const char* op = "encode_png");
/// Writes encode_png(image) in one piece: an older file stays until the new one is complete.
void write_png(const std::string& path, const Tensor& image);

}  // namespace fg
