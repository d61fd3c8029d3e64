// Reads the PNG files that serialize/png.h writes: eight bits per sample, rows without filter.
#pragma once

#include <stdexcept>
#include <string>

#include <zlib.h>

#include "tensor/factories.h"

namespace fg::test {

/// Byte [height, width, channels]; throws when a checksum or the structure is wrong.
inline Tensor decode_png(const std::string& bytes) {
  const auto require = [](bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("png: ") + what);
  };
  const auto number = [&](size_t at) {
    require(at + 4 <= bytes.size(), "cut off");
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | uint8_t(bytes[at + i]);
    return value;
  };
  require(bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n", "signature");
  std::string types, header, data;
  size_t at = 8;
  while (at < bytes.size()) {
    const uint32_t length = number(at);
    const std::string type = bytes.substr(at + 4, 4), content = bytes.substr(at + 8, length);
    const std::string checked = type + content;
    require(number(at + 8 + length) ==
                crc32(0, reinterpret_cast<const Bytef*>(checked.data()), uInt(checked.size())),
            "checksum");
    (type == "IHDR" ? header : data) += content;
    types += type;
    at += 12 + length;
  }
  require(types == "IHDRIDATIEND" && at == bytes.size() && header.size() == 13, "chunks");
  const int64_t width = number(16), height = number(20);
  require(header.substr(8, 1) == "\x08" && header.substr(10) == std::string(3, '\0'), "header");
  const int64_t channels = header[9] == 0 ? 1 : header[9] == 4 ? 2 : header[9] == 2 ? 3 : 4;
  std::string rows(size_t(height * (width * channels + 1)), '?');
  uLongf size = rows.size();
  require(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                     reinterpret_cast<const Bytef*>(data.data()), uLong(data.size())) == Z_OK &&
              size == rows.size(),
          "pixels");
  const Tensor all = empty({height, width * channels + 1}, kByte);
  std::copy(rows.begin(), rows.end(), reinterpret_cast<char*>(all.data_ptr<uint8_t>()));
  require(all.select(1, 0).max().item<int64_t>() == 0, "filter");
  return all.narrow(1, 1, width * channels).reshape({height, width, channels});
}

}  // namespace fg::test
