// The module machinery: registration, traversal, cloning, containers, AnyModule, OrderedDict, utilities.
#include "module_show.h"

using namespace torch::nn;

namespace {

struct BlockImpl : Module {
  BlockImpl(int64_t in, int64_t out) : fc(register_module("fc", Linear(in, out))) {
    scale = register_parameter("scale", torch::ones({out}));
    steps = register_buffer("steps", torch::zeros({1}, torch::kLong));
  }
  torch::Tensor forward(torch::Tensor x) {
    steps += 1;
    return torch::relu(fc->forward(x)) * scale;
  }
  Linear fc;
  torch::Tensor scale, steps;
};
TORCH_MODULE(Block);

struct NetImpl : Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    first = register_module("first", Linear(3, 4));
    second = register_module("second", Sequential(Linear(4, 4), Tanh()));
    bias = register_parameter("bias", torch::zeros({4}));
    counter = register_buffer("counter", torch::zeros({}));
  }
  torch::Tensor forward(const torch::Tensor& x) { return second->forward(first(x)) + bias; }
  void pretty_print(std::ostream& stream) const override { stream << "Net of two"; }
  Linear first{nullptr};
  Sequential second{nullptr};
  torch::Tensor bias, counter;
};
TORCH_MODULE(Net);

struct ManyImpl : Module {
  torch::Tensor forward(torch::Tensor a, torch::Tensor b, double factor = 2) {
    return a * b * factor;
  }

 protected:
  FORWARD_HAS_DEFAULT_ARGS({2, AnyValue(2.0)})
};
TORCH_MODULE(Many);

void machinery() {
  Block block(3, 2);
  print("block", block);
  show("name", block->name().find("BlockImpl") != std::string::npos);
  show_state(*block);
  show("training", block->is_training());
  block->eval();
  show("evaluating", block->fc->is_training());
  block->train();
  for (const auto& item : block->named_modules("root"))
    show(item.key().c_str(), item.value()->is_training());
  for (const auto& item : block->named_children()) print("child", item.key());
  show("parameters", block->parameters().size());
  show("own parameters", block->parameters(/*recurse=*/false).size());
  show("buffers", block->buffers().size());
  show("modules", block->modules().size());
  show("without self", block->modules(false).size());
  block->apply([](const std::string& name, Module& module) {
    print("visited", name.empty() ? "root" : name);
    (void)module;
  });
  auto x = torch::ones({1, 3});
  block(x).sum().backward();
  show_gradients(*block);
  block->zero_grad(/*set_to_none=*/true);
  show("no gradient", !block->scale.grad().defined());
  block->to(torch::kDouble);
  show("double", block->fc->weight.dtype() == torch::kDouble);
  show("as", block->fc->as<Linear>() != nullptr);
  show("as another", block->fc->as<Conv2d>() == nullptr);
  block->replace_module("fc", Linear(5, 2));
  show("replaced", block->children()[0]->as<Linear>()->weight.size(1));
  block->unregister_module("fc");
  show("children", block->children().size());
  throws_text("dots", [&] { block->register_parameter("a.b", torch::ones({1})); });
  throws_text("empty", [&] { block->register_buffer("", torch::ones({1})); });
  throws_text("twice", [&] { block->register_parameter("scale", torch::ones({1})); });
  throws_text("unknown", [&] { block->unregister_module("nothing"); });
  Linear nothing{nullptr};
  show("is empty", nothing.is_empty());
  throws_text("empty holder", [&] { nothing->bias.defined(); });
  throws_text("no clone", [&] { block->clone(); });
}

void cloning() {
  Net net;
  auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  print("net", net);
  auto a = net->named_parameters(), b = copy->named_parameters();
  bool equal = a.size() == b.size(), apart = true;
  for (const auto& item : a) {
    equal = equal && torch::equal(*item, b[item.key()]);
    apart = apart && item->data_ptr() != b[item.key()].data_ptr();
  }
  show("equal", equal);
  show("apart", apart);
  torch::NoGradGuard no_grad;
  net->bias.add_(1);
  show("independent", copy->bias);
  show("forward", copy->forward(torch::ones({1, 3})));
}

void sequential() {
  Sequential net(Linear(3, 4), ReLU(), Functional(torch::tanh), Block(4, 2));
  print("sequential", net);
  show("output", net->forward(torch::ones({2, 3})));
  show("size", net->size());
  net->push_back(Dropout(0.5));
  net->push_back("named", Linear(2, 2));
  net->eval();
  show("longer", net->forward(torch::ones({2, 3})));
  show("at", net->at<LinearImpl>(0).options.out_features());
  show("children", net->children().size());
  Sequential named({{"a", Linear(2, 3)}, {"b", Sigmoid()}});
  print("named", named);
  for (const auto& item : named->named_parameters()) print("key", item.key());
  for (auto& module : *named) show("module", module.ptr()->name().size() > 0);
  Sequential joined;
  joined->extend(*net);
  show("extended", joined->size());
  auto copy = std::dynamic_pointer_cast<SequentialImpl>(net->clone());
  show("copy", copy->forward(torch::ones({2, 3})));
  Sequential many;
  many->push_back(Many());
  show("default argument", many->forward(torch::ones({2}), torch::full({2}, 3)));
  throws("empty sequential", [] { Sequential()->forward<int>(5); });
  throws_text("wrong type", [&] { net->forward<int>(torch::ones({2, 3})); });
}

void any_module() {
  AnyModule any(Linear(2, 3));
  show("forward", any.forward(torch::ones({1, 2})));
  show("get", any.get<Linear>()->options.in_features());
  show("ptr", any.ptr()->parameters().size());
  show("empty", AnyModule().is_empty());
  show("type", any.type_info() == typeid(LinearImpl));
  AnyModule many{Many()};
  show("default", many.forward(torch::ones({1}), torch::ones({1})));
  show("all arguments", many.forward(torch::ones({1}), torch::ones({1}), 5.0));
  throws("too few", [&] { many.forward(torch::ones({1})); });
  throws("wrong type", [&] { any.forward(5); });
  throws("wrong class", [&] { any.get<Conv2d>(); });
  AnyValue value(5);
  show("value", value.get<int>());
  show("try", value.try_get<double>() == nullptr);
  any = many.clone();
  show("assigned", any.forward(torch::ones({1}), torch::ones({1})));
}

void lists() {
  ModuleList list(Linear(2, 3), ReLU());
  list->push_back(Block(3, 2));
  list->push_back(Dropout());
  list->extend(std::vector<std::shared_ptr<Module>>({std::make_shared<TanhImpl>()}));
  print("list", list);
  show("size", list->size());
  show("at", list->at<LinearImpl>(0).weight);
  for (const auto& item : list->named_parameters()) print("key", item.key());
  auto x = torch::ones({1, 2});
  show("called", list[0]->as<Linear>()->forward(x));

  torch::OrderedDict<std::string, std::shared_ptr<Module>> members = {{"fc", Linear(2, 3).ptr()},
                                                                      {"act", ReLU().ptr()}};
  ModuleDict dict(members);
  print("dict", dict);
  show("contains", dict->contains("fc"));
  show("dict at", dict->at<LinearImpl>("fc").bias);
  throws("missing", [&] { dict["nothing"]; });
  dict->update(torch::OrderedDict<std::string, std::shared_ptr<Module>>(
      {{"act", Tanh().ptr()}, {"more", Tanh().ptr()}}));
  print("updated", dict);
  dict->pop("fc");
  for (const auto& key : dict->keys()) print("key", key);

  ParameterList parameters(torch::ones({2}), torch::zeros({2, 3}));
  parameters->append(torch::full({1}, 5.0));
  print("parameters", parameters);
  show("second", parameters[1]);
  for (const auto& item : parameters->named_parameters()) print("key", item.key());

  ParameterDict named;
  named->insert("weight", torch::ones({2}));
  named->insert("frozen", torch::zeros({1}).requires_grad_(false));
  print("named", named);
  show("weight", named["weight"]);
  show("sizes", named->size());
  named->pop("weight");
  show("left", named->size());
}

void ordered_dict() {
  torch::OrderedDict<std::string, int> dict = {{"b", 1}, {"a", 2}};
  dict.insert("c", 3);
  for (const auto& item : dict) print(item.key().c_str(), item.value());
  for (const auto& pair : dict.pairs()) print(pair.first.c_str(), pair.second);
  show("a", dict["a"]);
  show("first", dict[0].value());
  show("front", dict.front().key());
  show("back", dict.back().key());
  show("contains", dict.contains("d"));
  show("find", dict.find("d") == nullptr);
  dict.update({{"d", 4}});
  show("size", dict.size());
  dict.erase("b");
  show("now first", dict[0].key());
  for (const auto& key : dict.keys()) print("key", key);
  for (const auto& value : dict.values()) print("value", value);
  torch::OrderedDict<std::string, int> other("Penguin");
  show("description", other.key_description());
  throws_text("missing", [&] { other["Skipper"]; });
  throws_text("twice", [&] { dict.insert("a", 1); });
  throws_text("index", [&] { dict[10]; });
  dict.clear();
  show("empty", dict.is_empty());
}

void utilities() {
  Net net;
  auto x = torch::randn({5, 3});
  (net(x) * 10).sum().backward();
  show("norm", utils::clip_grad_norm_(net->parameters(), 1.5));
  show_gradients(*net);
  utils::clip_grad_value_(net->parameters(), 0.1);
  show_gradients(*net);
  auto vector = utils::parameters_to_vector(net->parameters());
  show("vector", vector);
  utils::vector_to_parameters(vector * 2, net->parameters());
  show_state(*net);
}

}  // namespace

int main() {
  run_case("machinery", 1e-5, 1e-6, machinery);
  run_case("cloning", 1e-5, 1e-6, cloning);
  run_case("sequential", 1e-5, 1e-6, sequential);
  run_case("AnyModule", 1e-5, 1e-6, any_module);
  run_case("lists", 1e-5, 1e-6, lists);
  run_case("OrderedDict", 0, 0, ordered_dict);
  run_case("utilities", 1e-5, 1e-6, utilities);
}
