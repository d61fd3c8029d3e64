// IDX: every element type, and headers that do not fit their data.
#include <doctest/doctest.h>

#include "data/gzip.h"
#include "data/idx.h"
#include "tests/files.h"
#include "tests/gzip.h"

using namespace fg;
using namespace fg::data;
using namespace fg::test;

namespace {

std::string big_endian(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::string idx(int type, const std::vector<uint32_t>& sizes, const std::string& data) {
  std::string bytes = {0, 0, char(type), char(sizes.size())};
  for (const uint32_t size : sizes) bytes += big_endian(size);
  return bytes + data;
}

void check_error(const std::string& bytes, const std::string& text) {
  CHECK_THROWS_WITH_AS(parse_idx(bytes), ("parse_idx: buffer: " + text).c_str(), Error);
}

template <class T>
std::vector<T> values(const Tensor& tensor) {
  return {tensor.data_ptr<T>(), tensor.data_ptr<T>() + tensor.numel()};
}

}  // namespace

TEST_CASE("parse_idx reads every element type") {
  const Tensor bytes = parse_idx(idx(0x08, {2, 3}, "\x01\x02\x03\x04\x05\xff"));
  CHECK(bytes.sizes() == IntArrayRef({2, 3}));
  CHECK(values<uint8_t>(bytes) == std::vector<uint8_t>{1, 2, 3, 4, 5, 255});
  CHECK(values<int8_t>(parse_idx(idx(0x09, {1}, "\xff"))) == std::vector<int8_t>{-1});
  CHECK(values<int16_t>(parse_idx(idx(0x0b, {2}, "\x01\x02\xff\xfe"))) ==
        std::vector<int16_t>{258, -2});
  CHECK(values<int32_t>(parse_idx(idx(0x0c, {1}, "\xff\xff\xff\xfd"))) == std::vector<int32_t>{-3});
  CHECK(values<float>(parse_idx(idx(0x0d, {1}, std::string("\x3f\x80\0\0", 4)))) ==
        std::vector<float>{1});
  CHECK(values<double>(parse_idx(idx(0x0e, {1}, std::string("\xc0\x04\0\0\0\0\0\0", 8)))) ==
        std::vector<double>{-2.5});
  CHECK(parse_idx(idx(0x08, {}, "x")).dim() == 0);
  CHECK(parse_idx(idx(0x0d, {0, 28}, "")).sizes() == IntArrayRef({0, 28}));
}

TEST_CASE("read_idx reads plain and packed files") {
  const TemporaryDirectory directory;
  const std::string bytes = idx(0x08, {3}, "abc");
  write_all(directory / "plain", bytes);
  write_all(directory / "packed.gz", gzip(bytes));
  const std::vector<uint8_t> expected = {'a', 'b', 'c'};
  CHECK(values<uint8_t>(read_idx(directory / "plain")) == expected);
  CHECK(values<uint8_t>(read_idx(directory / "packed.gz")) == expected);
  const std::string missing = directory / "missing";
  CHECK_THROWS_WITH_AS(
      read_idx(missing),
      ("read_file: cannot open " + missing + ": No such file or directory").c_str(), Error);
  write_all(missing, idx(0x08, {4}, "abc"));
  CHECK_THROWS_WITH_AS(
      read_idx(missing),
      ("parse_idx: " + missing + ": shape [4] of Byte takes 4 bytes, got 3").c_str(), Error);
}

TEST_CASE("parse_idx refuses bad headers") {
  check_error("", "expected a magic number of 4 bytes, got 0 bytes in all");
  check_error("\x1f\x8b\x08\x01", "the magic number must start with two zero bytes");
  check_error(idx(0x0a, {1}, "x"), "type code must be 8, 9, 11, 12, 13 or 14, got 10");
  check_error(idx(0x08, {2, 3}, "").substr(0, 9),
              "the header must have 12 bytes (2 dims), got 9 bytes in all");
  check_error(idx(0x08, std::vector<uint32_t>(65, 1), "x"), "expected at most 64 dims, got 65");
}

TEST_CASE("parse_idx refuses data of another length than the header's") {
  check_error(idx(0x08, {2, 3}, "12345"), "shape [2, 3] of Byte takes 6 bytes, got 5");
  check_error(idx(0x0c, {2, 3}, "123456"), "shape [2, 3] of Int takes 24 bytes, got 6");
  check_error(idx(0x08, {2, 3}, "1234567"), "shape [2, 3] of Byte takes 6 bytes, got 7");
  check_error(idx(0x08, {0xffffffff, 0xffffffff}, "1"),
              "shape [4294967295, 4294967295] is too large for memory");
  check_error(idx(0x0e, {0x7fffffff}, "1"),
              "shape [2147483647] of Double takes 17179869176 bytes, got 1");
  check_error(idx(0x08, {0, 0xffffffff, 0xffffffff}, ""),
              "shape [0, 4294967295, 4294967295] is too large for memory");
}
