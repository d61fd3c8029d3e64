// What the fuzz targets share. A target hands bytes to a parser; the proper answers are a value, every byte
// of which can be read, or an fg::Error. Anything else ends the program, and libFuzzer keeps the input.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Reads every byte, for the address sanitizer to see.
inline void touch(const fg::Tensor& tensor) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
  volatile unsigned char sum = 0;
  for (int64_t i = 0; i < tensor.nbytes(); ++i) sum = sum ^ bytes[i];
}

template <class Parse>
int value_or_error(Parse parse) {
  try {
    parse();
  } catch (const fg::Error&) {
  }
  return 0;
}
