// npy and npz: numpy's own bytes, round trips, and every way in which a file can be wrong.
#include <cstring>

#include <doctest/doctest.h>

#include "serialize/npy.h"
#include "tensor/factories.h"
#include "tests/files.h"

using namespace fg;
using namespace fg::test;

namespace {

/// A file of version 1 whose header is just `header`.
std::string npy(const std::string& header, const std::string& data = "") {
  const char length[] = {char(header.size() & 0xff), char(header.size() >> 8)};
  return std::string("\x93NUMPY\1\0", 8) + std::string(length, 2) + header + data;
}

std::string dict(const std::string& descr = "'<i2'", const std::string& shape = "(2,)",
                 const std::string& fortran_order = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + fortran_order + ", 'shape': " + shape +
         ", }";
}

void check_error(const std::string& bytes, const std::string& text) {
  CHECK_THROWS_WITH_AS(parse_npy(bytes), ("parse_npy: buffer: " + text).c_str(), Error);
}

void check_header_error(const std::string& header, const std::string& got) {
  check_error(npy(header),
              "the header must be a dict of descr, fortran_order and shape, got " + got);
}

/// What numpy 1.24 writes for arange(3, dtype='<i2').
std::string numpys_bytes() {
  std::string bytes("\x93NUMPY\1\0v\0{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }",
                    67);
  bytes.resize(127, ' ');
  return bytes + std::string("\n\0\0\1\0\2\0", 7);
}

StateDict some_tensors() {
  return {{"weight", arange(6, kFloat).view({2, 3})},
          {"layer.0/bias", fg::tensor({true, false})},
          {"zeros", zeros({1000}, kDouble)}};
}

}  // namespace

TEST_CASE("parse_npy and serialize_npy agree with numpy") {
  const Tensor tensor = parse_npy(numpys_bytes());
  CHECK(tensor.dtype() == kShort);
  CHECK(tensor.equal(arange(3, kShort)));
  CHECK(serialize_npy(tensor) == numpys_bytes());
}

TEST_CASE("parse_npy reads shapes, orders and versions") {
  const std::string data("\1\0\2\0\3\0\4\0\5\0\6\0", 12);
  CHECK(parse_npy(npy(dict("'<i2'", "(2, 3)"), data))
            .equal(fg::tensor({{1, 2, 3}, {4, 5, 6}}, kShort)));
  const Tensor fortran = parse_npy(npy(dict("'<i2'", "(2, 3)", "True"), data));
  CHECK(fortran.equal(fg::tensor({{1, 3, 5}, {2, 4, 6}}, kShort)));
  CHECK(parse_npy(npy(dict("\"|u1\"", "()"), "\7")).item<int64_t>() == 7);
  CHECK(parse_npy(npy("{'shape':(2),'fortran_order':False,'descr':'<i2'}\n", data.substr(0, 4)))
            .equal(fg::tensor({1, 2}, kShort)));
  CHECK(parse_npy(npy(dict("'<f4'", "(0, 5)"))).sizes() == IntArrayRef({0, 5}));
  std::string second = npy(dict(), data.substr(0, 4));
  second.replace(6, 4, std::string("\2\0", 2) + char(second[8]) + std::string(3, '\0'));
  CHECK(parse_npy(second).equal(fg::tensor({1, 2}, kShort)));
}

TEST_CASE("save_npy and load_npy keep every dtype bit for bit") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npy";
  for (int i = 0; i < kNumScalarTypes; ++i) {
    const ScalarType dtype = ScalarType(i);
    CAPTURE(dtype);
    const Tensor tensor = empty({3, 2}, dtype);
    for (int64_t byte = 0; byte < tensor.nbytes(); ++byte) {
      static_cast<uint8_t*>(tensor.data_ptr())[byte] =
          uint8_t(dtype == kBool ? byte % 2 : 7 * byte);
    }
    if (dtype == kBFloat16) {
      CHECK_THROWS_WITH_AS(save_npy(path, tensor),
                           ("serialize_npy: " + path +
                            " is BFloat16, which numpy lacks; convert it with to(kFloat) first")
                               .c_str(),
                           Error);
      continue;
    }
    save_npy(path, tensor);
    const Tensor loaded = load_npy(path);
    CHECK(loaded.dtype() == dtype);
    CHECK(loaded.sizes() == tensor.sizes());
    CHECK(std::memcmp(loaded.data_ptr(), tensor.data_ptr(), size_t(tensor.nbytes())) == 0);
  }
  save_npy(path, arange(6).view({2, 3}).t());
  CHECK(load_npy(path).equal(arange(6).view({2, 3}).t()));
  CHECK(directory.num_files() == 1);
  CHECK_THROWS_WITH_AS(save_npy(path, Tensor()),
                       ("serialize_npy: " + path + " must be a defined tensor").c_str(), Error);
}

TEST_CASE("parse_npy refuses bad lengths") {
  check_error("", "the file must start with \\x93NUMPY");
  check_error("\x93NUMPX\1", "the file must start with \\x93NUMPY");
  check_error(std::string("\x93NUMPY\1\0\0", 9), "expected at least 10 bytes, got 9");
  check_error(std::string("\x93NUMPY\2\0\0\0\0", 11), "expected at least 12 bytes, got 11");
  check_error(std::string("\x93NUMPY\4\0\0\0\0\0", 12),
              "the format's version must be 1, 2 or 3, got 4");
  check_error(npy(dict()).substr(0, 20),
              "the header must have 57 bytes, but only 10 follow its length");
  check_error(npy(dict(), "123"), "shape [2] of Short takes 4 bytes, got 3");
  check_error(npy(dict(), "12345"), "shape [2] of Short takes 4 bytes, got 5");
}

TEST_CASE("parse_npy refuses bad headers") {
  check_header_error("", "no '{' at byte 0");
  check_header_error("[]", "no '{' at byte 0");
  check_header_error("{}", "not all of descr, fortran_order and shape");
  check_header_error("{", "no string at byte 1");
  check_header_error("{descr: 1}", "no string at byte 1");
  check_header_error("{'descr", "a string without end at byte 1");
  check_header_error("{'descr' '<i2'}", "no ':' at byte 9");
  check_header_error("{'descr': [('x', '<i2')]}", "no string at byte 10");
  check_header_error("{'descr': '<i2' 'shape': ()}", "no ',' or '}' at byte 16");
  check_header_error("{'color': 1}", "an unknown key 'color'");
  check_header_error("{'descr': '<i2', 'descr': '<i2'}", "the key 'descr' twice");
  check_header_error("{'fortran_order': 1}", "no True or False at byte 18");
  check_header_error(dict() + "x", "more after the dict at byte 57");
  check_header_error(dict("'<i2'", "(-2,)"), "a shape without a non-negative integer at byte 51");
  check_header_error(dict("'<i2'", "(x)"), "a shape without a non-negative integer at byte 51");
  check_header_error(dict("'<i2'", "(99999999999999999999,)"),
                     "a shape without a non-negative integer at byte 51");
  check_header_error(dict("'<i2'", "(2 3)"), "no ',' or ')' at byte 53");
  check_header_error(dict("'<i2'", "2"), "no '(' at byte 50");
}

TEST_CASE("parse_npy refuses bad dtypes and shapes") {
  const std::string known = "descr must be |b1, |u1, |i1, <i2, <i4, <i8, <f2, <f4 or <f8, got ";
  check_error(npy(dict("'>f4'")), known + "'>f4'");
  check_error(npy(dict("'|O'")), known + "'|O'");
  check_error(npy(dict("'<c8'")), known + "'<c8'");
  check_error(npy(dict("'<f8'", "(4294967296, 4294967296)")),
              "shape [4294967296, 4294967296] is too large for memory");
  check_error(npy(dict("'<f8'", "(0, 4294967296, 4294967296)")),
              "shape [0, 4294967296, 4294967296] is too large for memory");
  check_error(npy(dict("'<f8'", "(1000000000000,)")),
              "shape [1000000000000] of Double takes 8000000000000 bytes, got 0");
  std::string ones = "(";
  for (int i = 0; i < 65; ++i) ones += "1,";
  check_error(npy(dict("'|u1'", ones + ")"), "x"), "expected at most 64 dims, got 65");
  check_error(npy(dict("'|b1'"), "\1\2"), "bools must be bytes 0 and 1, got 2");
}

TEST_CASE("save_npz and load_npz keep names, order and values") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npz";
  const StateDict saved = some_tensors();
  size_t stored_size = 0;
  for (const bool compressed : {false, true}) {
    save_npz(path, saved, compressed);
    const StateDict loaded = load_npz(path);
    CHECK(loaded.keys() == saved.keys());
    for (const auto& item : saved) {
      CHECK(loaded[item.key()].dtype() == item->dtype());
      CHECK(loaded[item.key()].equal(*item));
    }
    const std::string bytes = read_all(path);
    if (compressed)
      CHECK(bytes.size() < stored_size / 4);
    else
      stored_size = bytes.size();
    save_npz(path, saved, compressed);
    CHECK(read_all(path) == bytes);
  }
  save_npz(path, {});
  CHECK(load_npz(path).is_empty());
  CHECK(directory.num_files() == 1);
}

TEST_CASE("parse_npz refuses damage") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npz";
  const auto check_starts = [](const std::string& bytes, const std::string& start) {
    try {
      parse_npz(bytes);
      FAIL_CHECK("no error");
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).starts_with("parse_npz: buffer: " + start));
    }
  };
  check_starts("", "the file must be a zip archive: it is empty");
  check_starts("no archive", "the file must be a zip archive: ");
  for (const bool compressed : {false, true}) {
    save_npz(path, {{"a", arange(100)}}, compressed);
    const std::string bytes = read_all(path);
    for (size_t size = 0; size < bytes.size(); size += 7) {
      check_starts(bytes.substr(0, size), "the file must be a zip archive: ");
    }
    std::string damaged = bytes;
    damaged[bytes.size() / 3] ^= 0x55;
    check_starts(damaged, "member 'a.npy' is damaged: ");
  }
}

TEST_CASE("parse_npz bounds what it unpacks") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npz";
  save_npz(path, {{"a", zeros({100})}, {"b", zeros({1000000})}}, true);
  CHECK(read_all(path).size() < 10000);
  CHECK(load_npz(path, 4000528 + 128).size() == 2);
  CHECK_THROWS_WITH_AS(
      load_npz(path, 4000000),
      ("parse_npz: " + path +
       ": member 'b.npy' unpacks to more than what is left of max_bytes, 3999472 bytes")
          .c_str(),
      Error);
}

TEST_CASE("npz errors name the member") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npz";
  CHECK_THROWS_WITH_AS(load_npz(path),
                       ("load_npz: cannot open " + path + ": No such file or directory").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(
      save_npz(path, {{"b", empty({2}, kBFloat16)}}),
      "serialize_npy: b is BFloat16, which numpy lacks; convert it with to(kFloat) first", Error);
  CHECK_THROWS_AS(save_npz(path, {{"\xff", empty({2})}}), Error);
  CHECK(directory.num_files() == 0);
  const std::string missing = directory / "missing/x.npz";
  CHECK_THROWS_WITH_AS(
      save_npz(missing, some_tensors()),
      ("save_npz: cannot write " + missing + ": No such file or directory").c_str(), Error);
}
