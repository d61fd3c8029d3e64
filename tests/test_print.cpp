// Printing, against what libtorch 1.13 printed (tests/fixtures/print_cases.cpp).
#include <cmath>
#include <fstream>
#include <iomanip>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tensor/factories.h"
#include "tests/fixture.h"

using namespace fg;
using indexing::Ellipsis;
using indexing::None;
using indexing::Slice;
using indexing::TensorIndex;

TEST_CASE("print: the text is libtorch's") {
  std::ifstream file(FUSEGRAD_FIXTURES "/print_cases.json");
  const auto cases = nlohmann::json::parse(file).at("cases");
  REQUIRE(cases.size() > 70);
  for (const auto& c : cases) {
    CAPTURE(c.dump());
    Tensor x;
    if (c.contains("dtype")) {
      std::vector<double> values;
      for (const auto& text : c.at("values")) values.push_back(std::stod(text.get<std::string>()));
      x = tensor(values, dtype(kDouble)).to(test::dtype_named(c.at("dtype")));
      x = x.reshape(c.at("shape").get<std::vector<int64_t>>());
    }
    CHECK(str(x) == c.at("text").get<std::string>());
  }
}

TEST_CASE("print: strides and history do not matter") {
  const Tensor x = tensor({{0.5, 1.5, 2.5}, {3.5, 4.5, 5.5}});
  CHECK(str(x.t()) == str(x.t().contiguous()));
  CHECK(str(x.slice(1, 0, 3, 2)) == str(x.slice(1, 0, 3, 2).contiguous()));
  CHECK(str(tensor({1.5}).expand({3})) == " 1.5000\n 1.5000\n 1.5000\n[ CPUFloatType{3} ]");
  CHECK(str(x.clone().requires_grad_()) == str(x));
}

TEST_CASE("print: every element counts for the notation") {
  CHECK(str(tensor({1000.5, 1e-6})) == " 1.0005e+03\n 1.0000e-06\n[ CPUFloatType{2} ]");
  CHECK(str(tensor({1e-6, 1000.5})) == " 1.0000e-06\n 1.0005e+03\n[ CPUFloatType{2} ]");
}

TEST_CASE("print: the stream's own format survives, and the line width is obeyed") {
  std::ostringstream out;
  out << std::setprecision(3) << std::hex << tensor({1e-7, 1.0}) << ' ' << 255 << ' ' << 1.23456;
  CHECK(out.str() == " 1.0000e-07\n 1.0000e+00\n[ CPUFloatType{2} ] ff 1.23");
  std::ostringstream narrow;
  print(narrow, tensor({{1, 2, 3}}), 8);
  CHECK(narrow.str() == "Columns 1 to 2 1  2\n\nColumns 3 to 3 3\n[ CPULongType{1,3} ]");
}

TEST_CASE("print: slices and indices") {
  CHECK(str(Slice()) == "0:9223372036854775807:1");
  CHECK(str(Slice(1, 5, 2)) == "1:5:2");
  CHECK(str(Slice(None, -1)) == "0:-1:1");
  CHECK(str(TensorIndex(None)) == "None");
  CHECK(str(TensorIndex(Ellipsis)) == "...");
  CHECK(str(TensorIndex("...")) == "...");
  CHECK(str(TensorIndex(-3)) == "-3");
  CHECK(str(TensorIndex(true)) == "true");
  CHECK(str(TensorIndex(Slice(2, 3))) == "2:3:1");
  CHECK(str(TensorIndex(tensor({1, 2}))) == " 1\n 2\n[ CPULongType{2} ]");
}
