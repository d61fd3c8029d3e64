#include <doctest/doctest.h>

#include "autograd/anomaly.h"
#include "autograd/graph_dot.h"
#include "fusegrad.h"
#include "serialize/graphviz.h"
#include "tests/error_text.h"
#include "tests/files.h"
#include "tests/gpu.h"

using namespace fg;
using test::error_of;
using test::TemporaryDirectory;

namespace {

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("the tape as data: ops, leaves, edges, shapes and what is saved") {
  const Tensor w = ones({3, 4}, requires_grad()), b = ones({3}, requires_grad());
  const Tensor x = ones({2, 4}, requires_grad());  // so that the weight is saved, too
  const Tensor h = nn::functional::linear(x, w, b);
  const Tensor y = (h * h).sum();
  const TapeGraph graph = tape_graph(y, {{"w", w}, {"b", b}});
  REQUIRE(graph.nodes.size() == 6);
  const auto find = [&](const std::string& name) -> const TapeNode& {
    for (const TapeNode& node : graph.nodes)
      if (node.leaf_name == name || node.op == name) return node;
    FAIL("no node ", name);
    return graph.nodes[0];
  };
  CHECK(find("w").is_leaf);
  CHECK(find("w").outputs[0].sizes == DimVector{3, 4});
  const TapeNode& product = find("MulBackward");
  CHECK(product.outputs[0].sizes == DimVector{2, 3});
  REQUIRE(product.inputs.size() == 2);  // twice the same
  CHECK(product.inputs[0].from == product.inputs[1].from);
  CHECK(product.saved_bytes == 2 * 2 * 3 * 4);
  CHECK_FALSE(product.is_fused);
  const TapeNode& linear = graph.nodes[product.inputs[0].from];
  CHECK(linear.inputs.size() == 3);
  CHECK(linear.saved_bytes == (2 * 4 + 3 * 4) * 4);
  // h, once; x and the weight are leaves, which are there anyway.
  CHECK(graph.saved_bytes == 2 * 3 * 4);
  CHECK(graph.nodes[graph.roots[0].from].op == y.grad_fn()->name());
}

TEST_CASE("nothing is kept alive, and the backward pass is as before") {
  const Tensor x = ones({2}, requires_grad());
  Tensor y = (x * x).sum();
  const auto count = y.grad_fn()->use_count();
  make_dot(y);
  CHECK(y.grad_fn()->use_count() == count);
  y.backward();
  CHECK(x.grad().equal(full({2}, 2.0f)));
  CHECK(tape_graph(y).saved_bytes == 0);  // freed
}

TEST_CASE("DOT text: names, shapes, bytes, the module, fused ops") {
  nn::Sequential net(nn::Linear(4, 3), nn::Tanh());
  const DetectAnomalyGuard anomaly(true, false);
  const Tensor x = ones({2, 4});
  const Tensor y = bias_gelu(net->forward(x), ones({3}, requires_grad()));
  const std::string dot = make_dot(y, net->named_parameters());
  CHECK(dot.starts_with("digraph tape {"));
  CHECK(dot.ends_with("}\n"));
  CHECK(occurrences(dot, "label=\"0.weight\\n[3, 4]\"") == 1);
  CHECK(occurrences(dot, "label=\"0.bias\\n[3]\"") == 1);
  CHECK(occurrences(dot, "label=\"leaf\\n[3]\"") == 1);
  CHECK(occurrences(dot, "label=\"TanhBackward\\n1\\nsaves 24 B\"") == 1);
  CHECK(occurrences(dot, "BiasGeluBackward\\nfused") == 1);
  CHECK(occurrences(dot, "fused") == 1);
  CHECK(occurrences(dot, "[label=\"[2, 3]\"]") ==
        2);  // edges: linear to tanh, tanh to the fused op
  CHECK(occurrences(dot, "label=\"result\\n[2, 3]\"") == 1);
  CHECK(make_dot(y, net->named_parameters()) == dot);
}

TEST_CASE("names are escaped, dtypes other than Float told") {
  const Tensor a = ones({2}, dtype(kDouble).requires_grad(true));
  const std::string dot = make_dot(a.exp(), {{"quote\" and \\", a}});
  CHECK(occurrences(dot, "label=\"quote\\\" and \\\\\\n[2] Double\"") == 1);
}

TEST_CASE("several results share a tape; a leaf is a tape of its own") {
  const Tensor x = ones({2}, requires_grad());
  const Tensor y = x.exp();
  const TapeGraph graph = tape_graph({y.sin(), y.cos(), ones({3})});
  CHECK(graph.nodes.size() == 4);
  CHECK(graph.roots.size() == 2);
  CHECK(occurrences(make_dot({y.sin(), y.cos()}), "label=\"result") == 2);
  const TapeGraph leaf = tape_graph(x);
  CHECK(leaf.nodes.size() == 1);
  CHECK(leaf.nodes[0].is_leaf);
  CHECK(error_of([] { make_dot(ones({2})); }) ==
        "tape_graph: outputs must hold a tensor that requires grad, got none among 1");
  CHECK(error_of([] { make_dot(Tensor()); }) ==
        "tape_graph: outputs must hold a tensor that requires grad, got none among 1");
}

TEST_CASE("a chain of a million nodes is drawn without recursion") {
  constexpr size_t kLength = 1000000;
  const Tensor x = ones({1}, requires_grad());
  Tensor y = x;
  for (size_t i = 0; i < kLength; ++i) y = -y;
  const TapeGraph graph = tape_graph(y);
  CHECK(graph.nodes.size() == kLength + 1);
  CHECK(graph.nodes.back().is_leaf);
  const std::string dot = make_dot(graph);
  CHECK(dot.find("n999999 -> n999998 ") != std::string::npos);
}

TEST_CASE("sizes of memory") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(200 << 20) == "200 MiB");
  CHECK(bytes_text(int64_t(3) << 40) == "3.0 TiB");
}

TEST_CASE("save_dot writes text as it is") {
  const TemporaryDirectory directory;
  save_dot(directory / "a.dot", "digraph {}\n");
  CHECK(test::read_all(directory / "a.dot") == "digraph {}\n");
  CHECK(directory.num_files() == 1);
  CHECK(error_of([&] { save_dot(directory / "missing/a.dot", "x"); }) ==
        "save_dot: cannot write " + (directory / "missing/a.dot") + ": No such file or directory");
}

TEST_CASE("save_dot says that graphviz is missing") {
  const TemporaryDirectory directory;
  const std::string path = std::getenv("PATH");
  setenv("PATH", directory.path().c_str(), 1);
  const bool found = has_graphviz();
  const std::string error = error_of([&] { save_dot(directory / "a.svg", "digraph {}"); });
  setenv("PATH", path.c_str(), 1);
  CHECK_FALSE(found);
  CHECK(error ==
        "save_dot: " + (directory / "a.svg") +
            " needs graphviz's program dot: No such file or directory; a path that ends in "
            ".dot does not");
  CHECK(directory.num_files() == 0);
}

TEST_CASE("save_dot draws SVG where graphviz is installed") {
  if (!has_graphviz()) return skip_case("graphviz's program dot is not installed");
  const TemporaryDirectory directory;
  const Tensor x = ones({2, 3}, requires_grad());
  save_dot(directory / "a.svg", make_dot(x.exp().sum(), {{"x", x}}));
  const std::string svg = test::read_all(directory / "a.svg");
  CHECK(svg.find("</svg>") != std::string::npos);
  CHECK(svg.find(">ExpBackward<") != std::string::npos);
  CHECK(svg.find(">[2, 3]<") != std::string::npos);
  const std::string error = error_of([&] { save_dot(directory / "a.svg", "no graph"); });
  CHECK(error.starts_with("save_dot: dot could not draw " + (directory / "a.svg") + ": "));
  CHECK(test::read_all(directory / "a.svg") == svg);  // as it was
}
