// CSV: what counts as a number, and errors that name line and column.
#include <cmath>

#include <doctest/doctest.h>

#include "data/csv.h"
#include "tests/files.h"
#include "tests/gzip.h"

using namespace fg;
using namespace fg::data;
using namespace fg::test;

namespace {

template <class T = float>
std::vector<T> values(const Csv& csv) {
  return {csv.values.data_ptr<T>(), csv.values.data_ptr<T>() + csv.values.numel()};
}

void check_error(const std::string& text, const std::string& expected, CsvOptions options = {}) {
  CHECK_THROWS_WITH_AS(parse_csv(text, options), ("parse_csv: buffer, " + expected).c_str(), Error);
}

}  // namespace

TEST_CASE("parse_csv reads numbers") {
  const Csv csv = parse_csv("1,-2.5,3e2\n+4, 5 ,\"6\"\r\n\n  \n.5,7.,1E-3");
  CHECK(csv.columns.empty());
  CHECK(csv.values.sizes() == IntArrayRef({3, 3}));
  CHECK(values(csv) == std::vector<float>{1, -2.5, 300, 4, 5, 6, .5, 7, 1e-3f});
  const std::vector<float> odd = values(parse_csv("nan,inf,-inf\n"));
  CHECK(std::isnan(odd[0]));
  CHECK(odd[1] == INFINITY);
  CHECK(odd[2] == -INFINITY);
  CHECK(parse_csv("").values.sizes() == IntArrayRef({0, 0}));
}

TEST_CASE("parse_csv options") {
  const Csv named = parse_csv("\xef\xbb\xbfx,\"y, \"\"z\"\"\", w \n1,2,3\n", {.header = true});
  CHECK(named.columns == std::vector<std::string>{"x", "y, \"z\"", "w"});
  CHECK(values(named) == std::vector<float>{1, 2, 3});
  CHECK(parse_csv("x,y\n", {.header = true}).values.sizes() == IntArrayRef({0, 2}));
  CHECK(values(parse_csv("1;2\n3;4", {.delimiter = ';'})) == std::vector<float>{1, 2, 3, 4});
  CHECK(values(parse_csv("1\t2\n", {.delimiter = '\t'})) == std::vector<float>{1, 2});
  CHECK(values<int64_t>(parse_csv("-9007199254740992", {.dtype = kLong})) ==
        std::vector<int64_t>{-9007199254740992});
  CHECK(values<uint8_t>(parse_csv("0,255", {.dtype = kByte})) == std::vector<uint8_t>{0, 255});
  CHECK(values<double>(parse_csv("0.1", {.dtype = kDouble})) == std::vector<double>{0.1});
}

TEST_CASE("read_csv reads plain and packed files") {
  const TemporaryDirectory directory;
  write_all(directory / "plain", "1,2\n");
  write_all(directory / "packed", gzip("1,2\n"));
  CHECK(values(read_csv(directory / "plain")) == std::vector<float>{1, 2});
  CHECK(values(read_csv(directory / "packed")) == std::vector<float>{1, 2});
  write_all(directory / "plain", "1,x\n");
  CHECK_THROWS_WITH_AS(
      read_csv(directory / "plain"),
      ("parse_csv: " + (directory / "plain") + ", line 1, column 2: expected a number, got 'x'")
          .c_str(),
      Error);
}

TEST_CASE("parse_csv refuses ragged lines") {
  check_error("1,2\n3\n", "line 2: expected 2 fields, got 1");
  check_error("1,2\n\n3,4,5\n", "line 3: expected 2 fields, got 3");
  check_error("a,b\n1,2,3\n", "line 2: expected 2 fields, got 3", {.header = true});
  check_error("1,2,\n", "line 1, column 3: expected a number, got ''");
}

TEST_CASE("parse_csv refuses what is no number") {
  check_error("1,2\n3,x4\n", "line 2, column 2: expected a number, got 'x4'");
  check_error("1,,3\n", "line 1, column 2: expected a number, got ''");
  check_error("1.5.2\n", "line 1, column 1: expected a number, got '1.5.2'");
  check_error("0x10\n", "line 1, column 1: expected a number, got '0x10'");
  check_error("+-1\n", "line 1, column 1: expected a number, got '+-1'");
  check_error("1 2\n", "line 1, column 1: expected a number, got '1 2'");
  check_error(std::string(60, 'x'),
              "line 1, column 1: expected a number, got '" + std::string(40, 'x') + "...'");
  check_error("1,\"2\n", "line 1, column 2: a quoted field must end on its line");
  check_error("\"1\"2\n", "line 1, column 1: expected ',' after a quoted field, got '2'");
}

TEST_CASE("parse_csv refuses numbers that the dtype cannot hold") {
  check_error("1e400", "line 1, column 1: expected a number that Float can hold, got '1e400'");
  check_error("1e39", "line 1, column 1: expected a number that Float can hold, got '1e39'");
  check_error("1e5", "line 1, column 1: expected a number that Half can hold, got '1e5'",
              {.dtype = kHalf});
  check_error("1.5", "line 1, column 1: expected a number that Long can hold, got '1.5'",
              {.dtype = kLong});
  check_error("9223372036854775808",
              "line 1, column 1: expected a number that Long can hold, got '9223372036854775808'",
              {.dtype = kLong});
  check_error("-1", "line 1, column 1: expected a number that Byte can hold, got '-1'",
              {.dtype = kByte});
  check_error("256", "line 1, column 1: expected a number that Byte can hold, got '256'",
              {.dtype = kByte});
  check_error("nan", "line 1, column 1: expected a number that Int can hold, got 'nan'",
              {.dtype = kInt});
}
