#include "data/idx.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "data/gzip.h"
#include "tensor/claimed_size.h"
#include "tensor/factories.h"

namespace fg::data {
namespace {

ScalarType dtype_of(uint8_t code, const std::string& where) {
  switch (code) {
    case 0x08:
      return kByte;
    case 0x09:
      return kChar;
    case 0x0b:
      return kShort;
    case 0x0c:
      return kInt;
    case 0x0d:
      return kFloat;
    case 0x0e:
      return kDouble;
  }
  detail::fail(str(where, "type code must be 8, 9, 11, 12, 13 or 14, got ", int(code)));
}

uint32_t big_endian_32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | uint8_t(bytes[i]);
  return value;
}

/// Reverses the bytes of each element: the machine is little-endian.
void swap_bytes(char* data, int64_t num_bytes, int64_t element_bytes) {
  if (element_bytes == 1) return;
  for (char* element = data; element < data + num_bytes; element += element_bytes) {
    std::reverse(element, element + element_bytes);
  }
}

}  // namespace

Tensor parse_idx(std::string_view bytes, const std::string& name) {
  const std::string where = str("parse_idx: ", name, ": ");
  ENSURE(bytes.size() >= 4, where, "expected a magic number of 4 bytes, got ", bytes.size(),
         " bytes in all");
  ENSURE(bytes[0] == 0 && bytes[1] == 0, where, "the magic number must start with two zero bytes");
  const ScalarType dtype = dtype_of(uint8_t(bytes[2]), where);
  const size_t num_dims = uint8_t(bytes[3]);
  const size_t header_bytes = 4 + 4 * num_dims;
  ENSURE(bytes.size() >= header_bytes, where, "the header must have ", header_bytes, " bytes (",
         num_dims, " dims), got ", bytes.size(), " bytes in all");

  std::vector<uint64_t> sizes(num_dims);
  for (size_t d = 0; d < num_dims; ++d) sizes[d] = big_endian_32(bytes.substr(4 + 4 * d));
  bytes.remove_prefix(header_bytes);
  ENSURE(num_dims <= kMaxClaimedDims, where, "expected at most ", kMaxClaimedDims, " dims, got ",
         num_dims);
  const optional<int64_t> num_bytes = claimed_num_bytes(sizes, dtype);
  ENSURE(num_bytes, where, "shape ", ArrayRef<uint64_t>(sizes), " is too large for memory");
  ENSURE(uint64_t(*num_bytes) == bytes.size(), where, "shape ", ArrayRef<uint64_t>(sizes), " of ",
         dtype, " takes ", *num_bytes, " bytes, got ", bytes.size());
  const Tensor tensor = empty(DimVector(sizes.begin(), sizes.end()), dtype);
  if (bytes.empty()) return tensor;
  char* data = static_cast<char*>(tensor.data_ptr());
  std::memcpy(data, bytes.data(), bytes.size());
  swap_bytes(data, *num_bytes, element_size(dtype));
  return tensor;
}

Tensor read_idx(const std::string& path) { return parse_idx(read_file(path), path); }

}  // namespace fg::data
