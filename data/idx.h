// IDX, the format of MNIST: a magic number that gives type and number of dims, the extents, the
// values; integers big-endian (http://yann.lecun.com/exdb/mnist).
#pragma once

#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace fg::data {

/// Reads a file, plain or gzip. Byte, Char, Short, Int, Float or Double, in the file's shape. Throws
/// fg::Error when the header is none of IDX or the data is not exactly as long as the header says.
Tensor read_idx(const std::string& path);

/// The same from memory, not gzip; `name` stands for the path in errors.
Tensor parse_idx(std::string_view bytes, const std::string& name = "buffer");

}  // namespace fg::data
