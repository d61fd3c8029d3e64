// WireMessage: writes protocol buffers, as the files of TensorBoard hold them.
//
// By hand, because all that the wire format (https://protobuf.dev/programming-guides/encoding) asks for is
// below: libprotobuf-lite and nanopb bring generated code and its generator into the build, and protozero,
// which needs neither, would be one more package to install for these forty lines.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fg {

/// Fields are written in the order of the calls; their numbers and types are the message's definition's.
class WireMessage {
 public:
  /// int32, int64, bool, enum.
  WireMessage& integer(uint32_t field, int64_t value) {
    return key(field, kVarint).varint(uint64_t(value));
  }
  WireMessage& real(uint32_t field, double value) { return key(field, kFixed64).fixed(value); }
  WireMessage& real32(uint32_t field, float value) { return key(field, kFixed32).fixed(value); }
  /// bytes, and string: which has to be UTF-8, or readers refuse the whole message.
  WireMessage& text(uint32_t field, std::string_view value) {
    key(field, kLength).varint(value.size());
    bytes_ += value;
    return *this;
  }
  WireMessage& message(uint32_t field, const WireMessage& value) {
    return text(field, value.bytes_);
  }
  /// repeated double, packed.
  WireMessage& reals(uint32_t field, const std::vector<double>& values) {
    key(field, kLength).varint(values.size() * sizeof(double));
    for (const double value : values) fixed(value);
    return *this;
  }
  /// The fields of another message of the same type.
  WireMessage& append(const WireMessage& fields) {
    bytes_ += fields.bytes_;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  enum Kind : uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

  WireMessage& key(uint32_t field, Kind kind) { return varint(field << 3 | kind); }
  WireMessage& varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += char(value | 0x80);
    bytes_ += char(value);
    return *this;
  }
  template <class T>
  WireMessage& fixed(T value) {
    static_assert(std::endian::native == std::endian::little);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }

  std::string bytes_;
};

}  // namespace fg
