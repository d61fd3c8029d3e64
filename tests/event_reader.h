// Reads TensorBoard's event files back, on its own: neither serialize/'s checksum nor its encoder is used.
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/files.h"

namespace fg::test {

/// Castagnoli's CRC, bit by bit, highest power last.
inline uint32_t slow_crc32c(const std::string& bytes) {
  uint32_t crc = 0xffffffffu;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool one = ((crc ^ (uint32_t(uint8_t(c)) >> bit)) & 1) != 0;
      crc = one ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
  return crc ^ 0xffffffffu;
}

template <class T>
T read_number(const std::string& bytes, size_t at) {
  if (at + sizeof(T) > bytes.size()) throw std::runtime_error("event file: cut off");
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// The records of a file; throws when a length or a checksum is wrong, or the last one is cut off.
inline std::vector<std::string> read_records(const std::string& bytes) {
  const auto check = [](const std::string& part, uint32_t stored) {
    const uint32_t crc = slow_crc32c(part);
    if (uint32_t(((crc >> 15) | (crc << 17)) + 0xa282ead8u) != stored)
      throw std::runtime_error("event file: wrong checksum");
  };
  std::vector<std::string> records;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = read_number<uint64_t>(bytes, at);
    check(bytes.substr(at, 8), read_number<uint32_t>(bytes, at + 8));
    const auto stored = read_number<uint32_t>(bytes, at + 12 + length);
    records.push_back(bytes.substr(at + 12, length));
    check(records.back(), stored);
    at += 16 + length;
  }
  return records;
}

/// A protobuf message, taken apart without its definition.
class WireFields {
 public:
  explicit WireFields(const std::string& bytes) {
    for (size_t at = 0; at < bytes.size();) {
      const uint64_t key = varint(bytes, at);
      Field field{uint32_t(key >> 3), 0, ""};
      switch (key & 7) {
        case 0:
          field.number = varint(bytes, at);
          break;
        case 1:
          field.number = read_number<uint64_t>(bytes, at), at += 8;
          break;
        case 5:
          field.number = read_number<uint32_t>(bytes, at), at += 4;
          break;
        case 2: {
          const uint64_t length = varint(bytes, at);
          if (at + length > bytes.size()) throw std::runtime_error("message: cut off");
          field.bytes = bytes.substr(at, length);
          at += length;
          break;
        }
        default:
          throw std::runtime_error("message: unknown wire type");
      }
      fields_.push_back(std::move(field));
    }
  }

  size_t count(uint32_t id) const { return all(id).size(); }
  bool has(uint32_t id) const { return count(id) > 0; }
  int64_t integer(uint32_t id) const { return int64_t(only(id).number); }
  double real(uint32_t id) const { return cast<double>(only(id).number); }
  float real32(uint32_t id) const { return cast<float>(uint32_t(only(id).number)); }
  std::string text(uint32_t id, size_t index = 0) const { return all(id).at(index).bytes; }
  WireFields message(uint32_t id, size_t index = 0) const { return WireFields(text(id, index)); }
  std::vector<double> reals(uint32_t id) const {
    const std::string bytes = text(id);
    std::vector<double> values;
    for (size_t at = 0; at < bytes.size(); at += 8)
      values.push_back(read_number<double>(bytes, at));
    return values;
  }

 private:
  struct Field {
    uint32_t id;
    uint64_t number;
    std::string bytes;
  };
  static uint64_t varint(const std::string& bytes, size_t& at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = read_number<uint8_t>(bytes, at++);
      value |= uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  template <class T, class Bits>
  static T cast(Bits bits) {
    T value;
    static_assert(sizeof(T) == sizeof(Bits));
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::vector<Field> all(uint32_t id) const {
    std::vector<Field> result;
    for (const Field& field : fields_)
      if (field.id == id) result.push_back(field);
    return result;
  }
  Field only(uint32_t id) const {
    if (count(id) != 1) throw std::runtime_error("message: not one field " + std::to_string(id));
    return all(id)[0];
  }

  std::vector<Field> fields_;
};

/// The event files in a folder, not in those below it, in the order of their names.
inline std::vector<std::string> event_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().find("tfevents") != std::string::npos)
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

/// All events of a folder's files.
inline std::vector<WireFields> read_events(const std::string& folder) {
  std::vector<WireFields> events;
  for (const std::string& file : event_files(folder))
    for (const std::string& record : read_records(read_all(file))) events.emplace_back(record);
  return events;
}

/// The Value of a folder's last event, which holds a Summary.
inline WireFields last_value(const std::string& folder) {
  return read_events(folder).back().message(5).message(1);
}

}  // namespace fg::test
