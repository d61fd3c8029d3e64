// Module: registration, traversal, conversion, cloning, and OneOf and ExpandingArray beneath options.
#include <doctest/doctest.h>

#include "autograd/module_scope.h"
#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

namespace {

struct BlockImpl : Cloneable<BlockImpl> {
  BlockImpl() { BlockImpl::reset(); }
  void reset() override {
    scale = register_parameter("scale", ones({2}));
    offset = register_buffer("offset", zeros({2}));
    count = register_buffer("count", zeros({}, kLong));
    fc = register_module("fc", Linear(2, 2));
  }
  Tensor forward(const Tensor& x) { return fc(x) * scale + offset; }

  Tensor scale, offset, count;
  Linear fc = nullptr;
};
using Block = ModuleHolder<BlockImpl>;

struct Net : Module {
  Net() {
    first = register_module("first", Block());
    second = register_module("second", Block());
  }
  Tensor forward(const Tensor& x) { return second(first(x)); }
  Block first = nullptr, second = nullptr;
};

}  // namespace

TEST_CASE("registration") {
  Module module("plain");
  CHECK(module.name() == "plain");
  Tensor& weight = module.register_parameter("weight", zeros({2}));
  CHECK(weight.requires_grad());
  CHECK_FALSE(module.register_parameter("frozen", zeros({2}), false).requires_grad());
  module.register_parameter("absent", Tensor());
  CHECK(module.parameters().size() == 2);
  CHECK_THROWS_WITH_AS(module.register_parameter("weight", zeros({2})),
                       "Parameter 'weight' already defined", Error);
  CHECK_THROWS_WITH_AS(module.register_parameter("", zeros({2})),
                       "Parameter name must not be empty", Error);
  CHECK_THROWS_WITH_AS(module.register_buffer("a.b", zeros({2})),
                       "Buffer name must not contain a dot (got 'a.b')", Error);
  CHECK_THROWS_WITH_AS(module.register_module("x.y", Linear(1, 1)),
                       "Submodule name must not contain a dot (got 'x.y')", Error);
  CHECK_THROWS_WITH_AS(module.register_module("m", std::shared_ptr<Module>()),
                       "register_module: module must not be null (got a null pointer for 'm')",
                       Error);
  CHECK_THROWS_WITH_AS(module.unregister_module("m"), "No Module with name `m` is registered",
                       Error);
  module.register_module("m", Linear(1, 1));
  CHECK_THROWS_WITH_AS(module.register_module("m", Linear(1, 1)), "Submodule 'm' already defined",
                       Error);
  auto replaced = module.replace_module("m", Linear(2, 3));
  CHECK(module.children()[0]->as<Linear>() == replaced.get());
  module.unregister_module("m");
  CHECK(module.children().empty());
}

TEST_CASE("traversal: names are paths, in order of registration") {
  auto net = std::make_shared<Net>();
  CHECK(net->named_parameters().keys() ==
        std::vector<std::string>{"first.scale", "first.fc.weight", "first.fc.bias", "second.scale",
                                 "second.fc.weight", "second.fc.bias"});
  CHECK(net->named_buffers().keys() ==
        std::vector<std::string>{"first.offset", "first.count", "second.offset", "second.count"});
  CHECK(net->named_parameters(false).is_empty());
  CHECK(net->first->parameters(false).size() == 1);
  CHECK(net->named_modules("root").keys() ==
        std::vector<std::string>{"root", "root.first", "root.first.fc", "root.second",
                                 "root.second.fc"});
  CHECK(net->modules(false).size() == 4);
  CHECK(net->named_children().keys() == std::vector<std::string>{"first", "second"});
  CHECK(net->named_modules()["first.fc"]->as<Linear>() == net->first->fc.get());
  CHECK(net->named_modules()["first.fc"]->as<Conv2d>() == nullptr);

  Net on_stack;
  CHECK(on_stack.modules(false).size() == 4);
  CHECK_THROWS_WITH_AS(on_stack.modules(), doctest::Contains("is not stored in a shared_ptr"),
                       Error);
}

TEST_CASE("a shared parameter is listed once") {
  Module module;
  Linear a(2, 2), b(2, 2);
  b->weight = a->weight;
  module.register_module("a", a);
  module.register_module("same", a);
  CHECK(module.parameters().size() == 2);
  CHECK(module.state_dict().size() == 4);
}

TEST_CASE("apply takes modules, pointers and names") {
  auto net = std::make_shared<Net>();
  int modules = 0, pointers = 0;
  std::string paths;
  net->apply([&](Module&) { ++modules; });
  std::as_const(*net).apply([&](const Module&) { ++modules; });
  net->apply([&](const std::shared_ptr<Module>& module) { pointers += module != nullptr; });
  net->apply([&](const std::string& path, Module&) { paths += path + " "; }, "net");
  net->apply([&](const std::string& path, const std::shared_ptr<Module>&) { paths += path; });
  CHECK(modules == 10);
  CHECK(pointers == 5);
  CHECK(paths ==
        "net net.first net.first.fc net.second net.second.fc firstfirst.fcsecondsecond.fc");
}

TEST_CASE("train and eval reach every module") {
  Net net;
  CHECK(net.is_training());
  net.eval();
  CHECK_FALSE(net.first->fc->is_training());
  net.train();
  CHECK(net.first->fc->is_training());
}

TEST_CASE("to converts floating tensors in place and keeps handles") {
  Net net;
  net.to(kDouble);
  CHECK(net.first->scale.dtype() == kDouble);
  CHECK(net.first->fc->weight.dtype() == kDouble);
  CHECK(net.first->fc->weight.requires_grad());
  CHECK(net.first->offset.dtype() == kDouble);
  CHECK(net.first->count.dtype() == kLong);
  net.to(Device(kCPU), kFloat);
  CHECK(net.second->fc->bias.dtype() == kFloat);
  net.to(kCPU);
  CHECK(net.forward(ones({1, 2})).dtype() == kFloat);
}

TEST_CASE("zero_grad zeroes or drops gradients") {
  Linear layer(2, 3);
  layer(ones({1, 2})).sum().backward();
  CHECK(layer->weight.grad().sum().item<double>() == 6);
  layer->zero_grad();
  CHECK(layer->weight.grad().sum().item<double>() == 0);
  layer->zero_grad(/*set_to_none=*/true);
  CHECK_FALSE(layer->weight.grad().defined());
  layer->requires_grad_(false);
  CHECK_FALSE(layer->bias.requires_grad());
}

TEST_CASE("clone copies values, not handles") {
  Block block;
  block->fc->weight.data().fill_(3);
  block->fc->bias.set_requires_grad(false);
  block->offset.fill_(7);
  block->eval();
  auto copy = std::dynamic_pointer_cast<BlockImpl>(block->clone());
  REQUIRE(copy);
  CHECK(copy->fc->weight.equal(block->fc->weight));
  CHECK(copy->offset.equal(block->offset));
  CHECK_FALSE(copy->fc->bias.requires_grad());
  CHECK(copy->scale.requires_grad());
  CHECK_FALSE(copy->is_training());
  CHECK_FALSE(copy->fc->is_training());
  copy->fc->weight.data().fill_(5);
  copy->offset.fill_(5);
  CHECK(block->fc->weight.sum().item<double>() == 12);
  CHECK(block->offset.sum().item<double>() == 14);
  CHECK(copy->forward(ones({1, 2})).sizes() == IntArrayRef({1, 2}));
  CHECK(block->as<BlockImpl>()->clone(Device(kCPU)) != nullptr);
}

TEST_CASE("clone draws no random numbers") {
  Linear layer(3, 3);
  manual_seed(5);
  const Tensor expected = rand({2});
  manual_seed(5);
  layer->clone();
  CHECK(rand({2}).equal(expected));
}

TEST_CASE("clone refuses what reset() does not rebuild") {
  struct Plain : Module {};
  CHECK_THROWS_WITH_AS(Plain().clone(), doctest::Contains("clone() has not been implemented for "),
                       Error);
  struct Late : Cloneable<Late> {
    explicit Late(bool parameter) {
      if (parameter)
        register_parameter("p", ones({1}));
      else
        register_module("m", Linear(1, 1));
    }
    void reset() override {}
  };
  CHECK_THROWS_WITH_AS(
      Late(true).clone(),
      "The cloned module does not have the same number of parameters as the original module after "
      "calling reset(). Are you sure you called register_parameter() inside reset() and not the "
      "constructor?",
      Error);
  CHECK_THROWS_WITH_AS(Late(false).clone(),
                       doctest::Contains("does not have the same number of child modules"), Error);
}

TEST_CASE("holders") {
  Linear empty_holder = nullptr;
  CHECK(empty_holder.is_empty());
  CHECK_FALSE(bool(empty_holder));
  CHECK_THROWS_WITH_AS(empty_holder->bias.defined(), "Accessing empty ModuleHolder", Error);
  Linear no_default;
  CHECK(no_default.is_empty());
  ReLU with_default;
  CHECK(bool(with_default));
  Linear shared(2, 3), alias = shared;
  CHECK(alias.ptr() == shared.ptr());
  CHECK((*alias).options.in_features() == 2);
  CHECK(Linear(shared.ptr()).get() == shared.get());
  CHECK_FALSE(Linear(LinearOptions(2, 3).bias(false))->bias.defined());
}

TEST_CASE("a call through a holder runs inside the module's scope") {
  struct Probe : Module {
    Tensor forward(const Tensor& x) {
      seen = ModuleScope::path();
      return x;
    }
    std::string seen;
  };
  struct Outer : Module {
    Outer() { probe = register_module("probe", std::make_shared<Probe>()); }
    Tensor forward(const Tensor& x) { return ModuleHolder<Probe>(probe)(x); }
    std::shared_ptr<Probe> probe;
  };
  Module root;
  auto outer = root.register_module("outer", std::make_shared<Outer>());
  ModuleHolder<Outer> holder(outer);
  holder(ones({1}));
  CHECK(outer->probe->seen == "outer.probe");
  CHECK(ModuleScope::path() == "");
}

TEST_CASE("OneOf and ExpandingArray") {
  OneOf<enumtype::kMean, enumtype::kSum> reduction = kSum;
  CHECK(reduction == kSum);
  CHECK_FALSE(reduction == kMean);
  CHECK(str(reduction) == "kSum");
  static_assert(!std::is_constructible_v<decltype(reduction), enumtype::kReflect>);

  CHECK(ExpandingArray<3>(4) == ExpandingArray<3>({4, 4, 4}));
  CHECK(str(ExpandingArray<2>({1, 2})) == "[1, 2]");
  CHECK(str(ExpandingArray<1>(7)) == "7");
  CHECK_THROWS_WITH_AS(ExpandingArray<2>({1, 2, 3}), "Expected 2 values, but instead got 3", Error);
  CHECK(str(ExpandingArrayWithOptionalElem<2>({nullopt, 3})) == "[None, 3]");
}

TEST_CASE("options chain and read back") {
  const auto options = Conv2dOptions(3, 8, 5).stride({1, 2}).padding(kSame).bias(false);
  CHECK(options.kernel_size() == ExpandingArray<2>(5));
  CHECK(options.stride() == ExpandingArray<2>({1, 2}));
  CHECK(options.padding().is_same());
  CHECK_FALSE(options.bias());
  CHECK(options.groups() == 1);
  CHECK(MSELossOptions(kNone).reduction() == kNone);
}
