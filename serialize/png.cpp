#include "serialize/png.h"

#include <zlib.h>

#include "serialize/file.h"

namespace fg {
namespace {

// The format: https://www.w3.org/TR/png-3/.
constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr int64_t kLargestExtent = (int64_t(1) << 31) - 1;

const Bytef* bytes_of(const std::string& text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += char(value >> shift & 0xff);
  return bytes;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const auto checksum = uint32_t(crc32_z(0, bytes_of(checked), checked.size()));
  return big_endian(uint32_t(data.size())) + checked + big_endian(checksum);
}

std::string deflated(const std::string& bytes, const char* op) {
  uLongf size = compressBound(uLong(bytes.size()));
  std::string out(size, '\0');
  const int status =
      compress(reinterpret_cast<Bytef*>(out.data()), &size, bytes_of(bytes), uLong(bytes.size()));
  ENSURE(status == Z_OK, op, ": zlib says ", zError(status));
  out.resize(size);
  return out;
}

}  // namespace

std::string encode_png(const Tensor& image, const char* op) {
  const int64_t channels = image.dim() == 3 ? image.size(2) : 1;
  ENSURE(image.scalar_type() == kByte && (image.dim() == 2 || image.dim() == 3) && channels >= 1 &&
             channels <= 4,
         op, ": image must be Byte [height, width] or [height, width, 1 to 4 channels], got ",
         image.scalar_type(), " ", image.sizes());
  const int64_t height = image.size(0), width = image.size(1), row_bytes = width * channels;
  ENSURE(height > 0 && width > 0 && height <= kLargestExtent && width <= kLargestExtent, op,
         ": image must have at least one pixel, got ", image.sizes());
  const Tensor pixels = image.cpu().contiguous();
  const auto* next = reinterpret_cast<const char*>(pixels.data_ptr<uint8_t>());
  std::string rows;
  rows.reserve(size_t(height * (row_bytes + 1)));
  for (int64_t y = 0; y < height; ++y, next += row_bytes) {
    rows += '\0';  // this row is not filtered
    rows.append(next, size_t(row_bytes));
  }
  const std::string data = deflated(rows, op);
  ENSURE(int64_t(data.size()) <= kLargestExtent, op, ": image is too large for the format, got ",
         image.sizes());
  // Grey 0, colours 2, opacity 4.
  const int color_type = (channels > 2 ? 2 : 0) + (channels % 2 == 0 ? 4 : 0);
  constexpr char kBitsPerSample = 8;
  const std::string header = big_endian(uint32_t(width)) + big_endian(uint32_t(height)) +
                             std::string{kBitsPerSample, char(color_type), 0, 0, 0};
  return std::string(kSignature) + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", "");
}

void write_png(const std::string& path, const Tensor& image) {
  write_file("write_png", path, encode_png(image, "write_png"));
}

}  // namespace fg
