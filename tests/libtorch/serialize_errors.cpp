// Saving and loading within the library; what goes wrong.
#include <c10/util/tempfile.h>

#include "show.h"

namespace {

struct NetImpl : torch::nn::Module {
  NetImpl() {
    fc = register_module("fc", torch::nn::Linear(2, 3));
    norm = register_module("norm", torch::nn::BatchNorm1d(3));
    act = register_module("act", torch::nn::ReLU());
    scale = register_parameter("scale", torch::ones({3}));
  }
  torch::Tensor forward(torch::Tensor x) { return act(norm(fc(x))) * scale; }
  torch::nn::Linear fc{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
  torch::nn::ReLU act{nullptr};
  torch::Tensor scale;
};
TORCH_MODULE(Net);

template <class T>
T through_a_stream(const T& value, T into = {}) {
  std::stringstream stream;
  torch::save(value, stream);
  torch::load(into, stream);
  return into;
}

void tensors() {
  for (auto type :
       {torch::kFloat, torch::kDouble, torch::kLong, torch::kBool, torch::kHalf, torch::kByte}) {
    auto x = torch::arange(4).to(type);
    show("tensor", through_a_stream(x));
  }
  show("empty", through_a_stream(torch::zeros({0, 3})));
  show("view", through_a_stream(torch::arange(12).view({3, 4}).t()));
  std::vector<torch::Tensor> list =
      through_a_stream(std::vector<torch::Tensor>{torch::ones({2}), torch::arange(3)});
  show("list", list.size());
  show("its second", list[1]);
  auto file = c10::make_tempfile();
  torch::save(torch::ones({2}) * 3, file.name);
  torch::Tensor loaded;
  torch::load(loaded, file.name);
  show("file", loaded);
  throws("no such file", [] {
    torch::Tensor t;
    torch::load(t, "no/such/file");
  });
}

void modules() {
  Net net, other;
  for (int i = 0; i < 3; ++i) net(torch::randn({4, 2})).sum().backward();
  std::stringstream stream;
  torch::save(net, stream);
  torch::load(other, stream);
  net->eval();
  other->eval();
  auto x = torch::randn({2, 2});
  show("same", torch::equal(net(x), other(x)));
  for (const auto& item : other->named_parameters()) show(item.key().c_str(), item.value());
  for (const auto& item : other->named_buffers()) show(item.key().c_str(), item.value());
  show("still requires grad", other->fc->weight.requires_grad());
  torch::nn::Sequential a(torch::nn::Linear(2, 2), torch::nn::Functional(torch::relu),
                          torch::nn::Dropout());
  torch::nn::Sequential b(torch::nn::Linear(2, 2), torch::nn::Functional(torch::relu),
                          torch::nn::Dropout());
  torch::serialize::OutputArchive out;
  a->save(out);
  std::stringstream more;
  out.save_to(more);
  torch::serialize::InputArchive in;
  in.load_from(more);
  b->load(in);
  show("sequential", torch::equal(a->parameters()[0], b->parameters()[0]));
  throws("another model", [&] {
    std::stringstream s;
    torch::save(a, s);
    torch::load(net, s);
  });
}

void optimizers() {
  const auto train = [](Net& net, torch::optim::Adam& optimizer, int steps) {
    torch::Tensor loss;
    for (int i = 0; i < steps; ++i) {
      optimizer.zero_grad();
      loss = torch::mse_loss(net(torch::linspace(-1, 1, 8).view({4, 2})), torch::ones({4, 3}));
      loss.backward();
      optimizer.step();
    }
    return loss;
  };
  Net net;
  torch::optim::Adam optimizer(net->parameters(),
                               torch::optim::AdamOptions(0.05).weight_decay(0.01));
  train(net, optimizer, 3);
  std::stringstream model, state;
  torch::save(net, model);
  torch::save(optimizer, state);
  Net net2;
  torch::load(net2, model);
  // libtorch leaves the options of the optimizer as they are.
  torch::optim::Adam optimizer2(net2->parameters(),
                                torch::optim::AdamOptions(0.05).weight_decay(0.01));
  torch::load(optimizer2, state);
  show("rate",
       static_cast<torch::optim::AdamOptions&>(optimizer2.param_groups()[0].options()).lr());
  auto first = train(net, optimizer, 3), second = train(net2, optimizer2, 3);
  show("goes on the same", torch::equal(first, second));
  show("loss", first);
}

void archives() {
  torch::serialize::OutputArchive archive, inner;
  inner.write("x", torch::ones({2}));
  archive.write("inner", inner);
  archive.write("y", torch::zeros({1}), /*is_buffer=*/true);
  archive.write("n", c10::IValue(int64_t(7)));
  std::ostringstream stream;
  archive.save_to(stream);
  std::istringstream source(stream.str());
  torch::serialize::InputArchive in, nested;
  in.load_from(source);
  torch::Tensor tensor;
  in.read("y", tensor, true);
  show("y", tensor);
  show("try", in.try_read("nothing", tensor));
  in.read("inner", nested);
  nested.read("x", tensor);
  show("x", tensor);
  c10::IValue value;
  in.read("n", value);
  show("n", value.toInt());
  show("keys", in.keys().size());
  throws("missing", [&] { in.read("nothing", tensor); });
  throws("missing archive", [&] { in.read("nothing", nested); });
}

void errors() {
  auto a = torch::ones({2, 3}), b = torch::ones({4, 5});
  throws("shapes", [&] { a + b; });
  throws("mm", [&] { a.mm(b); });
  throws("matmul", [&] { torch::matmul(a, b); });
  throws("view", [&] { a.view({4, 2}); });
  throws("view of transposed", [&] { a.t().view({6}); });
  throws("reshape", [&] { a.reshape({-1, -1}); });
  throws("dim", [&] { a.sum(5); });
  throws("size", [&] { a.size(7); });
  throws("select", [&] { a.select(0, 9); });
  throws("index", [&] { a[5]; });
  throws("index tensor", [&] { a.index({torch::tensor({7})}); });
  throws("cat", [&] { torch::cat({a, b}, 0); });
  throws("stack", [&] { torch::stack({a, b}); });
  throws("no tensors", [&] { torch::cat(std::vector<torch::Tensor>{}); });
  throws("expand", [&] { a.expand({3, 3}); });
  throws("squeeze", [&] { a.squeeze(4); });
  throws("item", [&] { a.item<float>(); });
  throws("data_ptr", [&] { a.data_ptr<double>(); });
  throws("accessor", [&] { a.accessor<float, 3>(); });
  throws("mean of ints", [&] { torch::ones({2}, torch::kLong).mean(); });
  throws("in place type", [&] { torch::ones({2}, torch::kLong).add_(1.5); });
  throws("in place shape", [&] { torch::ones({2}).add_(torch::ones({3, 2})); });
  throws("grad of ints", [&] { torch::ones({2}, torch::kLong).requires_grad_(); });
  throws("negative size", [&] { torch::zeros({-1}); });
  throws("empty max", [&] { torch::zeros({0}).max(); });
  throws("arange", [&] { torch::arange(0, 5, -1); });
  throws("device text", [&] { torch::Device("gpu"); });
  throws("linear", [&] { torch::nn::Linear(3, 2)(torch::ones({2, 4})); });
  throws("conv", [&] { torch::nn::Conv2d(3, 2, 3)(torch::ones({1, 2, 5, 5})); });
  throws("small conv", [&] { torch::nn::Conv2d(1, 2, 5)(torch::ones({1, 1, 3, 3})); });
  throws("embedding", [&] { torch::nn::Embedding(3, 2)(torch::tensor({5})); });
  throws("batch norm", [&] { torch::nn::BatchNorm1d(3)(torch::ones({1, 3, 2, 2})); });
  throws("one value", [&] { torch::nn::BatchNorm1d(3)(torch::ones({1, 3})); });
  throws("label", [&] { torch::nn::CrossEntropyLoss()(torch::ones({1, 3}), torch::tensor({3})); });
  throws("bce range", [&] { torch::nn::BCELoss()(torch::tensor({1.5f}), torch::tensor({1.f})); });
  throws("heads", [&] { torch::nn::MultiheadAttention(5, 2); });
  throws("groups", [&] { torch::nn::GroupNorm(2, 3)(torch::ones({1, 3, 2})); });
  throws("dropout", [&] { torch::nn::Dropout(1.5); });
  throws("ragged", [&] { torch::tensor({{1, 2}, {3}}); });
  throws("expanding array", [&] { torch::ExpandingArray<2>({1, 2, 3}); });
  throws_text("TORCH_CHECK", [&] { TORCH_CHECK(a.dim() == 3, "expected 3 dims, got ", a.dim()); });
  throws_text("TORCH_CHECK alone", [&] { TORCH_CHECK(a.dim() == 3); });
  throws_text("AT_ERROR", [&] { AT_ERROR("no ", 5); });
  throws("AT_ASSERT", [&] { AT_ASSERT(false); });
  throws("TORCH_INTERNAL_ASSERT", [&] { TORCH_INTERNAL_ASSERT(1 == 2, "text"); });
  throws_text("TORCH_CHECK_INDEX", [&] { TORCH_CHECK_INDEX(false, "index"); });
}

struct Collect : c10::WarningHandler {
  void process(const c10::SourceLocation&, const std::string& message, const bool) override {
    messages.push_back(message);
  }
  std::vector<std::string> messages;
};

void warnings() {
  Collect collect;
  auto* previous = c10::Warning::get_warning_handler();
  c10::Warning::set_warning_handler(&collect);
  TORCH_WARN("one ", 1);
  for (int i = 0; i < 3; ++i) TORCH_WARN_ONCE("once");
  torch::mse_loss(torch::ones({2}), torch::ones({2}));
  torch::nn::functional::mse_loss(torch::ones({2, 3}), torch::ones({3}));
  torch::nn::functional::l1_loss(torch::ones({2, 3}), torch::ones({3}));
  torch::nn::functional::smooth_l1_loss(torch::ones({2, 3}), torch::ones({3}));
  c10::Warning::set_warning_handler(previous);
  print("warnings", c10::Join("\n", collect.messages));
}

}  // namespace

int main() {
  run_case("tensors", 0, 0, tensors);
  run_case("modules", 1e-5, 1e-6, modules);
  run_case("optimizers", 1e-5, 1e-6, optimizers);
  run_case("archives", 0, 0, archives);
  run_case("errors", 0, 0, errors);
  run_case("warnings", 0, 0, warnings);
}
