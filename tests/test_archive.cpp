// save() and load(): archives of tensors, values, modules and optimizers; temporary files.
#include <cmath>
#include <filesystem>
#include <sstream>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "files.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "serialize/serialize.h"
#include "tensor/factories.h"

using namespace fg;
using serialize::InputArchive;
using serialize::OutputArchive;

TEST_CASE("tensors come back from streams and files, and can be read as safetensors") {
  const test::TemporaryDirectory folder;
  const Tensor x = arange(6).view({2, 3}).t();
  save(x, folder / "x.safetensors");
  Tensor back;
  load(back, folder / "x.safetensors");
  CHECK(back.equal(x));
  CHECK(load_safetensors(folder / "x.safetensors").tensors["0"].equal(x));

  std::stringstream stream;
  save(std::vector<Tensor>{x, ones({0, 2})}, stream);
  std::vector<Tensor> list;
  load(list, stream);
  REQUIRE(list.size() == 2);
  CHECK(list[1].sizes() == IntArrayRef({0, 2}));

  // A defined tensor keeps its object, which others may share.
  Tensor shared = zeros({1});
  const Tensor other = shared;
  load(shared, folder / "x.safetensors");
  CHECK(other.equal(x));
  CHECK_THROWS_WITH_AS(save(Tensor(), stream), "save: tensor '0' must be defined", Error);
}

TEST_CASE("every kind of value comes back") {
  OutputArchive out, inner, empty;
  out.write("none", IValue());
  out.write("int", IValue(int64_t{-7}));
  out.write("float", IValue(0.1));
  out.write("infinity", IValue(-INFINITY));
  out.write("bool", IValue(true));
  out.write("text", IValue("a:b, c"));
  out.write("ints", IValue(std::vector<int64_t>{1, -2}));
  out.write("floats", IValue(std::vector<double>{0.5, 1e300}));
  out.write("no ints", IValue(std::vector<int64_t>{}));
  out.write("tensor", IValue(ones({2})));
  inner.write("x", full({1}, 5));
  inner.write("empty", empty);
  out.write("inner", inner);
  std::ostringstream stream;
  out.save_to(stream);
  const std::string bytes = stream.str();

  InputArchive in;
  in.load_from(bytes.data(), bytes.size());
  const auto value = [&](const char* key) {
    IValue read;
    in.read(key, read);
    return read;
  };
  CHECK(value("none").isNone());
  CHECK(value("int").toInt() == -7);
  CHECK(value("float").toDouble() == 0.1);
  CHECK(value("infinity").toDouble() == -INFINITY);
  CHECK(value("bool").toBool());
  CHECK(value("text").toStringRef() == "a:b, c");
  CHECK(value("ints").toIntVector() == std::vector<int64_t>{1, -2});
  CHECK(value("floats").toDoubleVector() == std::vector<double>{0.5, 1e300});
  CHECK(value("no ints").toIntVector().empty());
  CHECK(value("tensor").toTensor().equal(ones({2})));
  CHECK(in.keys().size() == 11);
  CHECK_THROWS_WITH_AS(value("int").toStringRef(), "IValue: value must be a string", Error);

  InputArchive nested, nothing;
  in.read("inner", nested);
  nested.read("empty", nothing);
  CHECK(nothing.keys().empty());
  Tensor x;
  CHECK_FALSE(nested.try_read("y", x));
  CHECK_THROWS_WITH_AS(nested.read("y", x), "No such serialized tensor 'inner.y'", Error);
  CHECK_THROWS_WITH_AS(nested.read("y", nothing), "No such serialized submodule: 'inner.y'", Error);
  IValue none;
  CHECK_THROWS_WITH_AS(in.read("inner", none), "No such serialized value 'inner'", Error);
  CHECK_THROWS_WITH_AS(out.write("int", IValue(1)), "save: key 'int' already defined", Error);
}

TEST_CASE("a module refuses parameters of another shape, and its file is its state dict") {
  nn::Sequential net(nn::Linear(2, 3), nn::BatchNorm1d(3), nn::ReLU());
  std::stringstream stream, second;
  save(net, stream);
  const std::string bytes = stream.str();
  const StateDict file = parse_safetensors(bytes.data(), bytes.size()).tensors;
  CHECK(file.keys() == net->state_dict().keys());
  nn::Sequential wider(nn::Linear(2, 4), nn::BatchNorm1d(4), nn::ReLU());
  CHECK_THROWS_WITH_AS(load(wider, stream),
                       "load: weight of fg::nn::LinearImpl must have shape [4, 2], got [3, 2]",
                       Error);
  nn::Sequential shorter(nn::Linear(2, 3));
  save(shorter, second);
  CHECK_THROWS_WITH_AS(load(net, second), "No such serialized submodule: '1'", Error);
}

TEST_CASE("an optimizer goes on where the saved one stood") {
  const Tensor a = ones({2}, requires_grad()), b = ones({2}, requires_grad());
  optim::Adam first({a}, optim::AdamOptions(0.1)), second({b}, optim::AdamOptions(0.5));
  const auto step = [](const Tensor& x, optim::Adam& optimizer) {
    optimizer.zero_grad();
    (x * x).sum().backward();
    optimizer.step();
  };
  step(a, first);
  step(a, first);
  std::stringstream stream;
  save(first, stream);
  load(second, stream);
  b.set_data(a.detach().clone());
  step(a, first);
  step(b, second);
  CHECK(a.equal(b));
}

TEST_CASE("temporary files and folders vanish with their objects") {
  std::string file_name, folder_name;
  {
    const TempFile file = make_tempfile("fusegrad-");
    const TempDir folder = make_tempdir();
    file_name = file.name, folder_name = folder.name;
    CHECK(std::filesystem::exists(file_name));
    CHECK(std::filesystem::is_directory(folder_name));
    CHECK(file_name.find("fusegrad-") != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(file_name));
  CHECK_FALSE(std::filesystem::exists(folder_name));
}
