// safetensors: round trips of every dtype, mapped reading, and every way in which a file can be wrong.
#include <cstring>

#include <doctest/doctest.h>

#include "serialize/safetensors.h"
#include "tensor/factories.h"
#include "tests/files.h"

using namespace fg;
using namespace fg::test;

namespace {

std::string file_with(const std::string& header, const std::string& data = "") {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

SafeTensors parse(const std::string& bytes) {
  return parse_safetensors(bytes.data(), bytes.size());
}

void check_error(const std::string& bytes, const std::string& text) {
  CHECK_THROWS_WITH_AS(parse(bytes), ("parse_safetensors: buffer: " + text).c_str(), Error);
}

/// A header with one tensor "a" of 2 floats, one of its parts replaced.
std::string one(const std::string& dtype = R"("F32")", const std::string& shape = "[2]",
                const std::string& offsets = "[0,8]") {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

const std::string kEightBytes("\0\0\x80\x3f\0\0\0\x40", 8);

}  // namespace

TEST_CASE("parse_safetensors reads tensors and metadata in the header's order") {
  // "b" comes first in the header and last in the data.
  const std::string header = R"({"__metadata__":{"format":"pt","note":"\u00e9"},)"
                             R"("b":{"dtype":"I16","shape":[],"data_offsets":[8,10]},)"
                             R"("a":{"shape":[1,2],"data_offsets":[0,8],"dtype":"F32"},)"
                             R"("none":{"dtype":"F64","shape":[0,3],"data_offsets":[10,10]}}   )";
  const SafeTensors file = parse(file_with(header, kEightBytes + std::string("\x05\0", 2)));
  CHECK(file.metadata == Metadata{{"format", "pt"}, {"note", "\u00e9"}});
  CHECK(file.tensors.keys() == std::vector<std::string>{"b", "a", "none"});
  CHECK(file.tensors["b"].sizes() == IntArrayRef{});
  CHECK(*file.tensors["b"].data_ptr<int16_t>() == 5);
  CHECK(file.tensors["a"].sizes() == IntArrayRef({1, 2}));
  CHECK(file.tensors["a"].data_ptr<float>()[0] == 1.f);
  CHECK(file.tensors["a"].data_ptr<float>()[1] == 2.f);
  CHECK(file.tensors["none"].sizes() == IntArrayRef({0, 3}));
  CHECK(parse(file_with("{}")).tensors.is_empty());
}

TEST_CASE("save_safetensors and load_safetensors keep every dtype bit for bit") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  StateDict saved;
  for (int i = 0; i < kNumScalarTypes; ++i) {
    const ScalarType dtype = ScalarType(i);
    const Tensor tensor = empty({3, 2}, dtype);
    for (int64_t byte = 0; byte < tensor.nbytes(); ++byte) {
      static_cast<uint8_t*>(tensor.data_ptr())[byte] =
          uint8_t(dtype == kBool ? byte % 2 : 7 * byte);
    }
    saved.insert(to_string(dtype), tensor);
  }
  saved.insert("scalar", scalar_tensor(2.5, kDouble));
  saved.insert("empty", empty({0, 4}));
  saved.insert("transposed", arange(6).view({2, 3}).t());
  save_safetensors(path, saved, {{"key", "value \"quoted\""}});
  CHECK(directory.num_files() == 1);

  const SafeTensors loaded = load_safetensors(path);
  CHECK(loaded.metadata == Metadata{{"key", "value \"quoted\""}});
  CHECK(loaded.tensors.keys() == saved.keys());
  for (const auto& item : saved) {
    CAPTURE(item.key());
    const Tensor& tensor = loaded.tensors[item.key()];
    CHECK(tensor.dtype() == item->dtype());
    CHECK(tensor.sizes() == item->sizes());
    CHECK(uintptr_t(tensor.data_ptr()) % size_t(tensor.element_size()) == 0);
    const Tensor expected = item->contiguous();
    if (tensor.numel()) {
      CHECK(std::memcmp(tensor.data_ptr(), expected.data_ptr(), size_t(tensor.nbytes())) == 0);
    }
  }
}

TEST_CASE("Loaded tensors outlive the file and keep writes to themselves") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  save_safetensors(path, {{"a", full({1000}, 3.f)}, {"b", full({1000}, 4.f)}});
  const std::string bytes = read_all(path);
  Tensor a, b;
  {
    const SafeTensors loaded = load_safetensors(path);
    a = loaded.tensors["a"];
    b = loaded.tensors["b"];
  }
  a.data_ptr<float>()[0] = 7;
  CHECK(read_all(path) == bytes);
  CHECK(load_safetensors(path).tensors["a"].data_ptr<float>()[0] == 3.f);
  // Saving over the mapped file replaces it; what was loaded keeps the old one.
  save_safetensors(path, {{"a", full({1}, 0.f)}});
  CHECK(a.data_ptr<float>()[0] == 7.f);
  CHECK(a.data_ptr<float>()[999] == 3.f);
  CHECK(b.data_ptr<float>()[999] == 4.f);
}

TEST_CASE("load_safetensors aligns what the file does not") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  write_all(path, file_with(header, "\x01" + kEightBytes));
  const Tensor b = load_safetensors(path).tensors["b"];
  CHECK(uintptr_t(b.data_ptr()) % sizeof(float) == 0);
  CHECK(b.data_ptr<float>()[1] == 2.f);
}

TEST_CASE("parse_safetensors refuses bad lengths") {
  check_error("", "expected 8 bytes of header length, got 0 bytes in all");
  check_error("1234567", "expected 8 bytes of header length, got 7 bytes in all");
  check_error(std::string(8, '\xff'),
              "the header must have at most 100000000 bytes, got 18446744073709551615");
  check_error(file_with(one(), kEightBytes).substr(0, 30),
              "the header must have 54 bytes, but only 22 follow its length");
  check_error(file_with(one(), kEightBytes.substr(1)),
              "tensor 'a' ends at data byte 8, but there are 7");
  check_error(file_with(one(), kEightBytes + "x"),
              "the data must end where the last tensor ends, at byte 8, got 9 bytes of data");
}

TEST_CASE("parse_safetensors refuses what is not JSON or UTF-8") {
  check_error(file_with(""), "the header must start with '{'");
  check_error(file_with("[]"), "the header must start with '{'");
  check_error(file_with(" {}"), "the header must start with '{'");
  check_error(file_with(std::string("{}\0x", 4)), "the header must not contain a NUL byte");
  const auto check_not_json = [](const std::string& header) {
    CAPTURE(header);
    try {
      parse(file_with(header));
      FAIL_CHECK("no error");
    } catch (const Error& error) {
      CHECK(std::string(error.what())
                .starts_with("parse_safetensors: buffer: the header is not valid JSON at byte "));
    }
  };
  check_not_json("{");
  check_not_json("{}}");
  check_not_json("{\"a\"}");
  check_not_json("{\"a\":1e}");
  check_not_json("{\"\xff\":{}}");
  check_not_json("{\"\xed\xa0\x80\":{}}");  // a lone surrogate
  check_not_json("{\"\\ud800\":{}}");
  check_not_json("{/**/}");
}

TEST_CASE("parse_safetensors refuses another structure") {
  check_error(file_with(R"({"a":1})"), "'a' must be a JSON object, got the number 1");
  check_error(file_with(R"({"a":[[[[[[]]]]]]})"), "'a' must be a JSON object, got an array");
  check_error(file_with(R"({"a":{"dtype":{}}})"),
              "tensor 'a': dtype must be a string, got an object");
  check_error(file_with(R"({"a":{}})"), "tensor 'a' must have dtype, shape and two data_offsets");
  check_error(file_with(one(R"("F32")", "[2]", "[0]")),
              "tensor 'a' must have dtype, shape and two data_offsets");
  check_error(file_with(one(R"("F32")", "[2]", "[0,8,8]")),
              "tensor 'a' must have dtype, shape and two data_offsets");
  check_error(file_with(R"({"a":{"color":1}})"), "tensor 'a' has an unknown key 'color'");
  check_error(file_with(R"({"a":{"shape":[1],"shape":[1]}})"),
              "tensor 'a' has the key 'shape' twice");
  check_error(file_with(one().substr(0, 53) + "," + one().substr(1), kEightBytes),
              "the header has the key 'a' twice");
  check_error(file_with(R"({"__metadata__":{"x":"1","x":"2"}})"),
              "__metadata__ has the key 'x' twice");
  check_error(file_with(R"({"__metadata__":{"x":1}})"),
              "__metadata__ must hold strings, got the number 1 for 'x'");
  check_error(file_with(R"({"__metadata__":{"x":{}}})"),
              "__metadata__ must hold strings, got an object for 'x'");
  check_error(file_with(R"({"__metadata__":"x"})"),
              "'__metadata__' must be a JSON object, got the string 'x'");
}

TEST_CASE("parse_safetensors refuses bad dtypes and shapes") {
  check_error(file_with(one(R"("F7")")), "tensor 'a' has an unknown dtype 'F7'");
  check_error(file_with(one("3")), "tensor 'a': dtype must be a string, got the number 3");
  check_error(file_with(one(R"("F32")", "[-2]")),
              "tensor 'a': shape must be a list of non-negative integers, got the number -2");
  check_error(file_with(one(R"("F32")", "[2.0]")),
              "tensor 'a': shape must be a list of non-negative integers, got the number 2.0");
  check_error(file_with(one(R"("F32")", "[99999999999999999999]")),
              "tensor 'a': shape must be a list of non-negative integers, got the number "
              "99999999999999999999");
  check_error(file_with(one(R"("F32")", R"("2")")),
              "tensor 'a': shape must be a list of non-negative integers, got the string '2'");
  check_error(file_with(one(R"("F32")", "[[2]]")),
              "tensor 'a': shape must be a list of non-negative integers, got an array");
  check_error(file_with(one(R"("F32")", "[4294967296,4294967296]")),
              "tensor 'a' has a shape too large for memory: [4294967296, 4294967296]");
  check_error(file_with(one(R"("F32")", "[0,18446744073709551615]", "[0,0]")),
              "tensor 'a' has a shape too large for memory: [0, 18446744073709551615]");
  std::string ones = "[1";
  for (int i = 1; i < 65; ++i) ones += ",1";
  check_error(file_with(one(R"("F32")", ones + "]")),
              "tensor 'a' must have at most 64 dims, got 65");
  const std::string bools = R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})";
  check_error(file_with(bools, "\x01\x02"), "tensor 'a' of Bool must hold bytes 0 and 1, got 2");
}

TEST_CASE("parse_safetensors refuses bad offsets") {
  check_error(file_with(one(R"("F32")", "[2]", "[0,4]"), kEightBytes),
              "tensor 'a' of Float and shape [2] takes 8 bytes, got data_offsets [0, 4]");
  check_error(file_with(one(R"("F32")", "[3]"), kEightBytes),
              "tensor 'a' of Float and shape [3] takes 12 bytes, got data_offsets [0, 8]");
  check_error(file_with(one(R"("F32")", "[2]", "[8,0]"), kEightBytes),
              "tensor 'a' must start at data byte 0 (no overlap, no hole), got 8");
  check_error(
      file_with(one(R"("F32")", "[2]", "[-8,0]"), kEightBytes),
      "tensor 'a': data_offsets must be a list of non-negative integers, got the number -8");
  check_error(file_with(one(R"("F32")", "[2]", "[0,18446744073709551615]"), kEightBytes),
              "tensor 'a' of Float and shape [2] takes 8 bytes, got data_offsets [0, "
              "18446744073709551615]");
  const auto two = [](const char* first, const char* second) {
    return str(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)", first,
               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)", second, "}}");
  };
  check_error(file_with(two("[0,4]", "[2,6]"), kEightBytes),
              "tensor 'b' must start at data byte 4 (no overlap, no hole), got 2");
  check_error(file_with(two("[0,4]", "[5,9]"), kEightBytes + "x"),
              "tensor 'b' must start at data byte 4 (no overlap, no hole), got 5");
  check_error(file_with(two("[0,4]", "[0,4]"), kEightBytes.substr(4)),
              "tensor 'b' must start at data byte 4 (no overlap, no hole), got 0");
}

TEST_CASE("load_safetensors names the path") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  CHECK_THROWS_WITH_AS(
      load_safetensors(path),
      ("load_safetensors: cannot open " + path + ": No such file or directory").c_str(), Error);
  write_all(path, "");
  CHECK_THROWS_WITH_AS(
      load_safetensors(path),
      ("load_safetensors: " + path + ": expected 8 bytes of header length, got 0 bytes in all")
          .c_str(),
      Error);
}

TEST_CASE("save_safetensors refuses what cannot be saved, and keeps the old file") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  save_safetensors(path, {{"a", full({2}, 1.f)}});
  const std::string bytes = read_all(path);
  const std::string where = "save_safetensors: " + path + ": ";
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"b", Tensor()}}),
                       (where + "tensor 'b' must be defined").c_str(), Error);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"__metadata__", full({2}, 1.f)}}),
                       (where + "'__metadata__' cannot be the name of a tensor").c_str(), Error);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"\xff", full({2}, 1.f)}}),
                       (where + "names and metadata must be valid UTF-8").c_str(), Error);
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH_AS(save_safetensors(path, {{"a", full({10000}, 2.f)}}),
                         ("save_safetensors: cannot write " + path + ": File too large").c_str(),
                         Error);
  }
  CHECK(read_all(path) == bytes);
  CHECK(directory.num_files() == 1);
}
