// Looks at models: the table of layers, and the graph for TensorBoard.
#include <sstream>

#include <doctest/doctest.h>

#include "fusegrad.h"
#include "nn/model_graph.h"
#include "nn/summary.h"
#include "tests/error_text.h"
#include "tests/event_reader.h"

using namespace fg;
using nn::LayerSummary;
using test::error_of;

namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    conv = register_module("conv", nn::Conv2d(nn::Conv2dOptions(1, 10, 5)));
    head = register_module("head", nn::Sequential(nn::Dropout(0.5), nn::Linear(10 * 24 * 24, 10)));
    unused = register_module("unused", nn::Linear(2, 3));
    scale = register_parameter("scale", ones({10}));
  }
  Tensor forward(const Tensor& x) { return head->forward(conv(x).relu().flatten(1)) * scale; }
  nn::Conv2d conv{nullptr};
  nn::Sequential head;
  nn::Linear unused{nullptr};
  Tensor scale;
};
using Net = nn::ModuleHolder<NetImpl>;

}  // namespace

TEST_CASE("summary prints torchinfo's table") {
  Net net;
  for (Tensor& parameter : net->unused->parameters()) parameter.set_requires_grad(false);
  std::ostringstream out;
  out << nn::summary(net, zeros({2, 1, 28, 28}));
  // head is run by forward(), not called: its own shape is not seen, that of its layers is.
  CHECK(out.str() ==
        R"(==============================================================================
Layer (type (var_name):depth-idx)     Output Shape             Param #
==============================================================================
Net                                   [2, 10]                  10
├─Conv2d (conv): 1-1                  [2, 10, 24, 24]          260
├─Sequential (head): 1-2              --                       --
│    └─Dropout (0): 2-1               [2, 5760]                --
│    └─Linear (1): 2-2                [2, 10]                  57,610
├─Linear (unused): 1-3                --                       (9)
==============================================================================
Total params: 57,889
Trainable params: 57,880
Non-trainable params: 9
==============================================================================
Input size (MB): 0.01
Forward/backward pass size (MB): 0.09
Params size (MB): 0.23
Estimated Total Size (MB): 0.33
==============================================================================
)");
}

TEST_CASE("summary's figures") {
  Net net;
  const nn::ModelSummary s = nn::summary(*net, zeros({2, 1, 28, 28}));
  REQUIRE(s.layers.size() == 6);
  CHECK(s.layers[0].depth == 0);
  CHECK(s.layers[4].name == "1");
  CHECK(s.layers[4].output_shapes == std::vector<DimVector>{{2, 10}});
  CHECK(s.total_params == s.trainable_params);
  CHECK(s.input_bytes == 2 * 28 * 28 * 4);
  CHECK(s.param_bytes == s.total_params * 4);
  // The convolution's and the linear layer's, with their gradients.
  CHECK(s.pass_bytes == 2 * 4 * (2 * 10 * 24 * 24 + 2 * 10));
}

TEST_CASE("summary leaves no trace") {
  Net net;
  net->head->eval();
  const auto draw = [] {
    manual_seed(3);
    return rand({2});
  };
  const Tensor expected = draw();
  manual_seed(3);
  nn::summary(net, zeros({1, 1, 28, 28}));
  CHECK(rand({2}).equal(expected));
  CHECK(net->is_training());
  CHECK(net->conv->is_training());
  CHECK_FALSE(net->head->is_training());
  CHECK_FALSE(net->head->children()[0]->is_training());
  net->apply([](nn::Module& module) { CHECK(module.hooks().empty()); });
  // Also when the model cannot run.
  CHECK(error_of([&] { nn::summary(net, zeros({1, 3, 28, 28})); }) != "no error");
  CHECK(net->is_training());
  net->apply([](nn::Module& module) { CHECK(module.hooks().empty()); });
}

TEST_CASE("summary of shared layers, recurrent layers and several inputs") {
  nn::Linear shared(4, 4);
  nn::Sequential net(shared, nn::ReLU(), shared);
  const nn::ModelSummary s = nn::summary(net, zeros({3, 4}));
  REQUIRE(s.layers.size() == 4);
  CHECK(s.total_params == 20);
  CHECK_FALSE(s.layers[1].is_repeated);
  CHECK(s.layers[3].is_repeated);
  std::ostringstream out;
  out << s;
  CHECK(out.str().find("(recursive)") != std::string::npos);

  nn::LSTM lstm(nn::LSTMOptions(5, 7));
  const nn::ModelSummary recurrent = nn::summary(lstm, zeros({3, 2, 5}));
  CHECK(recurrent.layers[0].output_shapes ==
        std::vector<DimVector>{{3, 2, 7}, {1, 2, 7}, {1, 2, 7}});
  nn::Bilinear bilinear(nn::BilinearOptions(2, 3, 4));
  const nn::ModelSummary two = nn::summary(bilinear, zeros({5, 2}), zeros({5, 3}));
  CHECK(two.input_bytes == (10 + 15) * 4);
  CHECK(two.layers[0].output_shapes == std::vector<DimVector>{{5, 4}});
  CHECK(nn::detail::grouped(999) == "999");
  CHECK(nn::detail::grouped(-1234567) == "-1,234,567");
}

TEST_CASE("trace_graph gives ops by module, parameters, inputs and results") {
  Net net;
  const std::vector<GraphNode> nodes = nn::trace_graph(net, zeros({2, 1, 28, 28}));
  std::map<std::string, GraphNode> by_name;
  for (const GraphNode& node : nodes) CHECK(by_name.emplace(node.name, node).second);
  for (const char* name : {"Net/conv/weight", "Net/conv/bias", "Net/head/1/weight", "Net/scale",
                           "Net/Relu", "Net/Mul", "input/0", "output/0"})
    CHECK_MESSAGE(by_name.contains(name), name);
  CHECK_FALSE(by_name.contains("Net/unused/weight"));  // takes no part
  CHECK(by_name["output/0"].inputs == std::vector<std::string>{"Net/Mul"});
  CHECK(by_name["Net/Mul"].output_shapes == std::vector<DimVector>{{2, 10}});
  CHECK(by_name["Net/conv/weight"].op == "Leaf");
  for (const GraphNode& node : nodes)
    for (const std::string& input : node.inputs)
      CHECK_MESSAGE(by_name.contains(input.substr(0, input.find(':'))), input);
  CHECK(net->is_training());

  // What the writer makes of it.
  const test::TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  writer.add_graph(net, zeros({2, 1, 28, 28}));
  writer.flush();
  CHECK(test::read_events(directory.path()).back().message(4).count(1) == nodes.size());
}

TEST_CASE("trace_graph with whole numbers as input, and without a tape") {
  nn::Sequential net(nn::Embedding(5, 3), nn::Linear(3, 2));
  const NoGradGuard no_grad;  // it records all the same
  CHECK(nn::trace_graph(net, tensor({int64_t(1), int64_t(2)})).size() > 4);
  nn::Sequential frozen(nn::Embedding(5, 3));
  frozen->requires_grad_(false);
  CHECK(error_of([&] { nn::trace_graph(frozen, tensor({int64_t(1)})); }) ==
        "trace_graph: the result of fg::nn::SequentialImpl must hold a tensor that requires grad, "
        "got 1 tensors");
}
