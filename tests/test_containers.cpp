// AnyValue, AnyModule, Sequential, lists and dicts of modules and parameters, Functional.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

namespace {

struct Add : Module {
  explicit Add(float amount) : amount(amount) {}
  float forward(float x) { return x + amount; }
  float amount;
};

struct TwoArguments : Module {
  int forward(int a, const std::string& b) { return a + int(b.size()); }
};

struct WithDefaults : Module {
  int forward(int a, int b = 2, int c = 3) { return 100 * a + 10 * b + c; }
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{1, AnyValue(2)}, {2, AnyValue(3)}};
  }
};

}  // namespace

TEST_CASE("AnyValue keeps the exact type") {
  AnyValue value(5);
  CHECK(value.get<int>() == 5);
  CHECK(value.try_get<float>() == nullptr);
  CHECK(value.type_info() == typeid(int));
  CHECK_THROWS_WITH_AS(value.get<float>(),
                       "Attempted to cast AnyValue to float, but its actual type is int", Error);
  CHECK(std::string(AnyValue("text").get<const char*>()) == "text");
  AnyValue copy = value;
  value = AnyValue(std::string("other"));
  CHECK(copy.get<int>() == 5);
  CHECK(value.get<std::string>() == "other");
}

TEST_CASE("AnyModule calls with checked types") {
  AnyModule any(Add(2.5f));
  CHECK(any.forward<float>(1.0f) == 3.5f);
  CHECK(any.get<Add>().amount == 2.5f);
  CHECK_THROWS_WITH_AS(any.forward<float>(1),
                       "Expected argument #0 to be of type float, but received value of type int",
                       Error);
  CHECK_THROWS_WITH_AS(any.forward<int>(1.0f),
                       "Attempted to cast AnyValue to int, but its actual type is float", Error);
  CHECK_THROWS_WITH_AS(any.get<TwoArguments>(),
                       doctest::Contains("Attempted to cast module of type"), Error);
  CHECK_THROWS_WITH_AS(
      any.forward<float>(),
      doctest::Contains("'s forward() method expects 1 argument(s), but received 0. "
                        "If "),
      Error);
  AnyModule two(std::make_shared<TwoArguments>());
  CHECK(two.forward<int>(3, std::string("four")) == 7);
  AnyModule shared = any;
  CHECK(shared.ptr() == any.ptr());
  AnyModule linear(Linear(2, 3));
  CHECK(linear.forward(ones({1, 2})).sizes() == IntArrayRef({1, 3}));
  CHECK(linear.get<Linear>()->options.in_features() == 2);
  CHECK(linear.clone().ptr() != linear.ptr());
  CHECK(AnyModule().is_empty());
  CHECK_THROWS_WITH_AS(AnyModule().forward(1), "Cannot call forward() on an empty AnyModule",
                       Error);
  CHECK_THROWS_WITH_AS(AnyModule().ptr(), "Cannot call ptr() on an empty AnyModule", Error);
}

TEST_CASE("AnyModule fills in default arguments") {
  AnyModule any(std::make_shared<WithDefaults>());
  CHECK(any.forward<int>(1) == 123);
  CHECK(any.forward<int>(1, 5) == 153);
  CHECK(any.forward<int>(1, 5, 6) == 156);
  CHECK_THROWS_WITH_AS(
      any.forward<int>(1, 2, 3, 4),
      doctest::Contains("expects at least 1 argument(s) and at most 3 argument(s), but "
                        "received 4."),
      Error);
}

TEST_CASE("AnyModule refuses defaults that leave a gap") {
  struct Gap : WithDefaults {
    std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
      return {{0, AnyValue(2)}, {2, AnyValue(3)}};
    }
  };
  CHECK_THROWS_WITH_AS(
      AnyModule(std::make_shared<Gap>()).forward<int>(1),
      doctest::Contains("must cover the last 2 arguments of forward() without gaps, got 2 of 3"),
      Error);
}

TEST_CASE("Sequential") {
  Sequential numbers(Add(1), std::make_shared<Add>(2.0f), AnyModule(Add(3)));
  CHECK(numbers->forward<float>(0.5f) == 6.5f);
  CHECK(numbers->size() == 3);
  CHECK(numbers->at<Add>(1).amount == 2);
  CHECK(numbers->ptr<Add>(2)->amount == 3);
  CHECK_THROWS_WITH_AS(numbers->at<Add>(3), "Index out of range", Error);
  CHECK_THROWS_WITH_AS(numbers->forward<int>(0.5f),
                       "The type of the return value is float, but you asked for type int", Error);
  CHECK_THROWS_WITH_AS(Sequential()->forward(1), "Cannot call forward() on an empty Sequential",
                       Error);

  Sequential net(Linear(3, 4), ReLU(), Dropout(0.5), Linear(4, 2));
  CHECK(net->forward(ones({5, 3})).sizes() == IntArrayRef({5, 2}));
  CHECK(net(ones({5, 3})).sizes() == IntArrayRef({5, 2}));
  CHECK(net->named_parameters().keys() ==
        std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"});
  CHECK(net[0]->as<Linear>() == net->ptr<LinearImpl>(0).get());

  Sequential named({{"in", Linear(3, 4)}, {"act", Tanh()}});
  named->push_back("out", Linear(4, 1));
  CHECK(named->named_children().keys() == std::vector<std::string>{"in", "act", "out"});
  CHECK(named->forward(ones({3})).sizes() == IntArrayRef({1}));

  OrderedDict<std::string, AnyModule> dict;
  dict.insert("a", AnyModule(Linear(1, 1)));
  CHECK(Sequential(std::move(dict))->named_children().keys() == std::vector<std::string>{"a"});

  Sequential extended;
  extended->extend(*net);
  CHECK(extended->size() == 4);
}

TEST_CASE("Sequential nests, clones and remembers names") {
  Sequential inner({{"fc", Linear(2, 2)}});
  Sequential outer(inner, ReLU());
  CHECK(outer->forward(ones({1, 2})).sizes() == IntArrayRef({1, 2}));
  CHECK(outer->named_parameters().keys() == std::vector<std::string>{"0.fc.weight", "0.fc.bias"});
  auto copy = std::dynamic_pointer_cast<SequentialImpl>(outer->clone());
  REQUIRE(copy);
  CHECK(copy->named_parameters().keys() == outer->named_parameters().keys());
  CHECK(copy->forward(ones({1, 2})).equal(outer->forward(ones({1, 2}))));
  inner->ptr<LinearImpl>(0)->weight.data().fill_(0);
  CHECK_FALSE(copy->parameters()[0].equal(outer->parameters()[0]));
}

TEST_CASE("Sequential fills in default arguments of its modules") {
  Sequential net(ConvTranspose1d(1, 1, 2), Linear(3, 1));
  CHECK(net->forward(ones({1, 1, 2})).sizes() == IntArrayRef({1, 1, 1}));
}

TEST_CASE("ModuleList") {
  ModuleList list(Linear(1, 2), ReLU(), std::make_shared<Add>(1.0f));
  CHECK(list->size() == 3);
  list->insert(1, Dropout(0.1));
  CHECK(list->named_children().keys() == std::vector<std::string>{"0", "1", "2", "3"});
  CHECK(list[1]->as<Dropout>() != nullptr);
  CHECK(list->at<Add>(3).amount == 1);
  CHECK(list->children() == std::vector<std::shared_ptr<Module>>(list->begin(), list->end()));
  list->push_back(Identity());
  ModuleList other;
  other->extend(*list);
  CHECK(other->size() == 5);
  CHECK(other->ptr<ReLUImpl>(2) != nullptr);
  CHECK_THROWS_WITH_AS(list->ptr(5), "Index out of range", Error);
  CHECK_THROWS_WITH_AS(list->insert(7, ReLU()), "Index out of range", Error);
  ModuleList cloneable(Linear(1, 1));
  auto copy = std::dynamic_pointer_cast<ModuleListImpl>(cloneable->clone());
  CHECK(copy->size() == 1);
  CHECK(copy->ptr(0) != cloneable->ptr(0));
}

TEST_CASE("ModuleDict") {
  ModuleDict dict(std::vector<std::pair<std::string, std::shared_ptr<Module>>>{
      {"fc", Linear(2, 3).ptr()}, {"act", ReLU().ptr()}});
  CHECK(dict->keys() == std::vector<std::string>{"fc", "act"});
  CHECK(dict->at<LinearImpl>("fc").options.out_features() == 3);
  CHECK(dict->parameters().size() == 2);
  OrderedDict<std::string, std::shared_ptr<Module>> more;
  more.insert("act", Tanh().ptr());
  more.insert("drop", Dropout().ptr());
  dict->update(more);
  CHECK(dict->keys() == std::vector<std::string>{"fc", "act", "drop"});
  CHECK(dict["act"]->as<Tanh>() != nullptr);
  CHECK(dict->pop("fc")->as<Linear>() != nullptr);
  CHECK(dict->parameters().empty());
  CHECK_THROWS_WITH_AS(dict->pop("fc"), "Submodule 'fc' is not defined", Error);
  auto copy = std::dynamic_pointer_cast<ModuleDictImpl>(dict->clone());
  CHECK(copy->keys() == dict->keys());
  dict->clear();
  CHECK(dict->empty());
  CHECK(copy->size() == 2);
}

TEST_CASE("ParameterDict and ParameterList") {
  ParameterDict dict;
  dict->insert("a", ones({2}).requires_grad_());
  dict->insert("b", ones({3}));
  CHECK(dict->parameters().size() == 2);
  CHECK(dict->get("a").requires_grad());
  CHECK_FALSE(dict["b"].requires_grad());
  ParameterDict other;
  other->insert("b", zeros({1}));
  other->insert("c", zeros({1}));
  dict->update(*other);
  CHECK(dict->keys() == std::vector<std::string>{"a", "b", "c"});
  CHECK(dict["b"].numel() == 1);
  CHECK(dict->pop("a").numel() == 2);
  CHECK_FALSE(dict->contains("a"));
  CHECK_THROWS_WITH_AS(dict->insert("b", ones({1})), "Parameter 'b' already defined", Error);

  ParameterList list(ones({2}), zeros({3}).requires_grad_());
  list->append(ones({4}));
  CHECK(list->size() == 3);
  CHECK(list[1].requires_grad());
  CHECK(list->at(2).numel() == 4);
  CHECK_THROWS_WITH_AS(list->at(3), "Index out of range", Error);
  ParameterList longer;
  *longer += *list;
  longer->extend(std::vector<Tensor>{ones({1})});
  CHECK(longer->named_parameters().keys() == std::vector<std::string>{"0", "1", "2", "3"});
  auto copy = std::dynamic_pointer_cast<ParameterListImpl>(list->clone());
  CHECK(copy->at(1).requires_grad());
  copy->at(0).fill_(9);
  CHECK(list[0].sum().item<double>() == 2);
}

TEST_CASE("Functional binds further arguments") {
  Functional plain([](Tensor x) { return x * 2; });
  CHECK(plain(ones({1})).item<double>() == 2);
  Functional bound(functional::elu, functional::ELUFuncOptions().alpha(2));
  CHECK(bound(full({1}, -1.0)).item<double>() == doctest::Approx(2 * std::expm1(-1.0)));
  Functional leaky(leaky_relu, 0.5);
  CHECK(Sequential(leaky)->forward(full({1}, -1.0)).item<double>() == -0.5);
}
