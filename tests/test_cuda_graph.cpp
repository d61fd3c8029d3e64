// CUDA graphs: what a replay repeats, what it draws, what a capture refuses, and that the program goes on.
#include <doctest/doctest.h>

#include "cuda/check.h"
#include "cuda/event.h"
#include "cuda/graph.h"
#include "fusegrad.h"
#include "tests/cuda_memory.h"
#include "tests/error_text.h"
#include "tests/gpu.h"

using namespace fg;
using fg::test::error_of;

namespace {

const TensorOptions kOnGpu = TensorOptions(kFloat).device(kCUDA);

int64_t private_bytes() {
  int64_t sum = 0;
  for (const cuda::SegmentInfo& segment : cuda::memory_snapshot(0))
    if (segment.is_private) sum += segment.size;
  return sum;
}

/// What `graph` says when it captures `body`.
std::string capture_error(cuda::Graph& graph, const std::function<void()>& body) {
  return error_of([&] { graph.capture(body); });
}

/// A graph can still be captured and replayed.
void check_goes_on(cuda::Graph& graph) {
  const Tensor x = ones({5}, kOnGpu);
  Tensor y;
  graph.capture([&] { y = x + 1; });
  graph.replay();
  CHECK(equal(y.cpu(), full({5}, 2.f)));
  graph.reset();
}

}  // namespace

TEST_CASE("graph: a replay runs what was captured on what is in memory then") {
  if (!require_gpu()) return;
  cuda::Graph graph;
  const Tensor x = full({100}, 2.f, kOnGpu);
  Tensor y, total = zeros({100}, kOnGpu);
  graph.capture([&] {
    y = x * x;
    total.add_(y);
  });
  CHECK(graph.is_captured());
  CHECK(graph.num_nodes() == 2);
  CHECK(total.sum().item<float>() == 0);  // nothing ran
  graph.replay();
  x.fill_(3);
  graph.replay();
  CHECK(equal(y.cpu(), full({100}, 9.f)));
  CHECK(equal(total.cpu(), full({100}, 13.f)));
  cuda::Graph moved = std::move(graph);
  CHECK(!graph.is_captured());
  moved.replay();
  CHECK(equal(total.cpu(), full({100}, 22.f)));
}

TEST_CASE("graph: its memory is its own until it is reset") {
  if (!require_gpu()) return;
  cuda::synchronize();
  cuda::empty_cache();
  CHECK(private_bytes() == 0);
  cuda::Graph graph, other;
  const Tensor x = ones({1000}, kOnGpu);
  Tensor y, z;
  graph.capture([&] { y = (x + 1) * 2; });
  const int64_t held = private_bytes();
  CHECK(held > 0);
  other.capture([&] { z = (x + 2) * 3; }, graph.pool());
  CHECK(private_bytes() == held);
  CHECK(y.data_ptr() != z.data_ptr());
  graph.replay();
  // What the allocator hands out meanwhile is not the graph's.
  std::vector<Tensor> outside;
  for (int i = 0; i < 20; ++i) outside.push_back(zeros({1000}, kOnGpu));
  graph.replay();
  other.replay();
  CHECK(equal(y.cpu(), full({1000}, 4.f)));
  CHECK(equal(z.cpu(), full({1000}, 9.f)));
  for (const Tensor& each : outside) CHECK(each.sum().item<float>() == 0);
  y.reset(), z.reset();
  graph.reset(), other.reset();
  CHECK_FALSE(graph.is_captured());
  cuda::empty_cache();
  CHECK(private_bytes() == 0);
}

TEST_CASE("graph: begin and end under PyTorch's names, and their errors") {
  if (!require_gpu()) return;
  cuda::Graph graph;
  CHECK(error_of([&] { graph.replay(); }) == "replay: graph must have been captured");
  CHECK(error_of([&] { graph.pool(); }) == "Graph: pool() must follow capture_begin");
  CHECK(error_of([&] { graph.capture_end(); }) == "capture_end: must follow capture_begin");
  CHECK(
      error_of([&] { graph.capture_begin(); }) ==
      "capture_begin: the current stream must not be the default stream, which cannot be captured");
  const Tensor x = ones({5}, kOnGpu), y = zeros({5}, kOnGpu);
  const cuda::Stream side = cuda::Stream::from_pool();
  side.wait_stream(cuda::current_stream());
  {
    const cuda::StreamGuard guard(side);
    graph.capture_begin();
    y.copy_(x.exp());
    cuda::Graph inner;
    const std::string nested = "cannot run while a CUDA graph is being captured";
    CHECK(error_of([&] { inner.capture_begin(); }).find(nested) != std::string::npos);
    {
      const cuda::StreamGuard elsewhere(cuda::Stream::from_pool());
      CHECK(error_of([&] { graph.capture_end(); }) ==
            "capture_end: the current stream must be that of capture_begin");
    }
    graph.capture_end();
  }
  graph.replay();
  CHECK(equal(y, x.exp()));
  CHECK(error_of([&] { graph.capture([] {}); }) ==
        "capture_begin: graph must not be captured already; reset() it first");
  Generator generator(kCUDA);
  CHECK(error_of([&] { graph.register_generator(generator); }) ==
        "register_generator: must run before capture_begin");
  graph.reset();
  CHECK(error_of([&] { graph.register_generator(Generator(kCPU)); }) ==
        "register_generator: generator must be of a cuda device, got cpu");
  {
    const cuda::StreamGuard guard(side);
    cuda::Graph dropped;
    dropped.capture_begin();
    x.exp();
  }
  check_goes_on(graph);
}

TEST_CASE("graph: what cannot be captured is named, and the program goes on") {
  if (!require_gpu()) return;
  const Tensor x = arange(6, kOnGpu), pageable = ones({6});
  const Tensor strided = arange(12, kOnGpu).slice(0, 0, 12, 2);
  const Tensor pinned = ones({6}).pin_memory();
  const cuda::Stream side = cuda::Stream::from_pool();
  cuda::Event event;
  event.record(side);
  struct Case {
    const char* op;
    std::function<void()> body;
  };
  const Case cases[] = {
      {"item", [&] { x.sum().item<float>(); }},
      {"nonzero", [&] { x.nonzero(); }},
      {"nonzero", [&] { x.masked_select(x > 2); }},
      {"copy_", [&] { x.cpu(); }},
      {"copy_", [&] { x.copy_(pageable); }},
      {"copy_", [&] { x.copy_(pageable, true); }},
      {"copy_", [&] { x.copy_(pinned); }},
      {"copy_", [&] { pinned.copy_(x); }},
      {"copy_", [&] { strided.copy_(pinned, true); }},
      {"copy_", [&] { pinned.copy_(strided, true); }},
      {"synchronize", [&] { cuda::synchronize(); }},
      {"synchronize", [&] { cuda::current_stream().synchronize(); }},
      {"synchronize", [&] { event.synchronize(); }},
  };
  cuda::Graph graph;
  for (const Case& each : cases) {
    CAPTURE(each.op);
    const std::string expected =
        std::string(each.op) + ": cannot run while a CUDA graph is being captured, because ";
    const std::string error = capture_error(graph, [&] {
      x.add(1);
      each.body();
    });
    CHECK_MESSAGE(error.starts_with(expected), error);
    CHECK_FALSE(graph.is_captured());
    each.body();
  }
  check_goes_on(graph);
}

TEST_CASE("graph: a capture that other calls break is an error, too") {
  if (!require_gpu()) return;
  const Tensor x = ones({6}, kOnGpu);
  cuda::Graph graph;
  const cuda::Stream side = cuda::Stream::from_pool();
  const std::string broken = capture_error(graph, [&] {
    x.add_(1);
    CHECK(cudaStreamSynchronize(cuda::current_stream().native()) != cudaSuccess);
    cudaGetLastError();
  });
  CHECK_MESSAGE(broken.find("Capture") != std::string::npos, broken);
  const std::string apart = capture_error(graph, [&] {
    side.wait_stream(cuda::current_stream());
    const cuda::StreamGuard guard(side);
    x.add_(1);
  });
  CHECK(apart ==
        "capture_end: the captured stream must wait for the other streams that the capture used");
  CHECK(equal(x.cpu(), ones({6})));
  CHECK_THROWS_AS(graph.capture([] { throw 7; }), int);
  check_goes_on(graph);
}

TEST_CASE("graph: copies from and to pinned memory are replayed") {
  if (!require_gpu()) return;
  const Tensor in = ones({50}).pin_memory(), out = zeros({50}).pin_memory();
  const Tensor x = zeros({50}, kOnGpu);
  cuda::Graph graph;
  graph.capture([&] {
    x.copy_(in, true);
    out.copy_(x * 2, true);
  });
  for (const float value : {3.f, 4.f}) {
    in.fill_(value);
    graph.replay();
    cuda::synchronize();
    CHECK(equal(out, full({50}, 2 * value)));
  }
}

TEST_CASE("graph: gradients are written into the same memory by each replay") {
  if (!require_gpu()) return;
  const Tensor x = arange(12, kOnGpu).reshape({3, 4}), w = ones({5, 4}, kOnGpu).requires_grad_();
  const auto step = [&] {
    w.mutable_grad().reset();
    linear(x, w).square().mean().backward();
  };
  step();
  cuda::Graph graph;
  graph.capture(step);
  const Tensor grad = w.grad();
  for (const float value : {1.f, 2.f}) {
    x.fill_(value);
    graph.replay();
    const Tensor replayed = grad.clone();
    CHECK(w.grad().is_same(grad));
    const Tensor v = w.detach().clone().requires_grad_();
    linear(x, v).square().mean().backward();
    CHECK(equal(replayed, v.grad()));
  }
}

TEST_CASE("graph: each replay draws what the same call would have drawn without a graph") {
  if (!require_gpu()) return;
  const Tensor x = ones({1003}, kOnGpu), weights = rand({3, 7}, kOnGpu);
  const Tensor probabilities = full({1003}, 0.25, kOnGpu);
  const auto draws = [&]() -> std::vector<Tensor> {
    return {dropout(x, 0.4, true),
            rand({1003}, kOnGpu),
            randn({37}, kOnGpu.dtype(kDouble)),
            probabilities.bernoulli(),
            randperm(100, kOnGpu.dtype(kLong)),
            weights.multinomial(4, true),
            feature_dropout(ones({4, 9, 2}, kOnGpu), 0.5, true),
            randint(0, 1000, {33}, kOnGpu.dtype(kLong))};
  };
  manual_seed(3);
  std::vector<std::vector<Tensor>> expected;
  for (int i = 0; i < 4; ++i) expected.push_back(draws());
  const Tensor state = default_generator(kCUDA).get_state();

  manual_seed(3);
  cuda::Graph graph;
  std::vector<Tensor> drawn;
  graph.capture([&] { drawn = draws(); });
  const auto check = [&](size_t step) {
    for (size_t i = 0; i < drawn.size(); ++i) CHECK_MESSAGE(equal(drawn[i], expected[step][i]), i);
  };
  graph.replay();
  check(0);
  CHECK_FALSE(equal(expected[0][0], expected[1][0]));
  const std::vector<Tensor> between = draws();  // both go on with one stream
  for (size_t i = 0; i < between.size(); ++i) CHECK(equal(between[i], expected[1][i]));
  for (size_t step = 2; step < 4; ++step) {
    graph.replay();
    check(step);
  }
  CHECK(equal(default_generator(kCUDA).get_state(), state));
  manual_seed(3);
  graph.replay();
  check(0);
}

TEST_CASE("graph: dropout's gradient and checkpoints draw the forward pass's numbers again") {
  if (!require_gpu()) return;
  const Tensor x = ones({500}, kOnGpu).requires_grad_();
  const auto inner = [](const autograd::variable_list& in) {
    return autograd::variable_list{dropout(dropout(in[0], 0.5, true) * 3, 0.5, true)};
  };
  Tensor y;
  const auto step = [&] {
    x.mutable_grad().reset();
    y = autograd::checkpoint(inner, {x})[0];
    (y + dropout(x, 0.1, true)).sum().backward();
  };
  manual_seed(5);
  std::vector<Tensor> expected;
  for (int i = 0; i < 3; ++i) {
    step();
    expected.push_back(x.grad().clone());
  }
  manual_seed(5);
  cuda::Graph graph;
  graph.capture(step);
  for (const Tensor& grad : expected) {
    graph.replay();
    CHECK(equal(x.grad(), grad));
  }
}

TEST_CASE("graph: other generators are registered, and none is seeded during a capture") {
  if (!require_gpu()) return;
  Generator own(kCUDA);
  own.manual_seed(9);
  const Tensor first = empty({10}, kOnGpu).uniform_(0, 1, own);
  const Tensor second = empty({10}, kOnGpu).uniform_(0, 1, own);
  own.manual_seed(9);
  cuda::Graph graph;
  Tensor drawn = empty({10}, kOnGpu);
  CHECK(
      capture_error(graph, [&] { drawn.uniform_(0, 1, own); }) ==
      "Graph: a generator that is drawn from during a capture must be the default one or given to "
      "register_generator, got another one");
  const std::string seeded = capture_error(graph, [&] {
    rand({3}, kOnGpu);
    manual_seed(1234);
    rand({3}, kOnGpu);
  });
  CHECK_MESSAGE(seeded.starts_with("manual_seed: cannot run while a CUDA graph is being captured"),
                seeded);
  graph.register_generator(own);
  graph.capture([&] { drawn.uniform_(0, 1, own); });
  graph.replay();
  CHECK(equal(drawn, first));
  graph.replay();
  CHECK(equal(drawn, second));
}

TEST_CASE("graph: what kernels of a replay report is thrown, and later replays run") {
  if (!require_gpu()) return;
  const Tensor table = arange(10, kOnGpu).unsqueeze(1);
  const Tensor index = zeros({4}, kOnGpu.dtype(kLong));
  cuda::Graph graph;
  Tensor rows;
  embedding(table, index);
  graph.capture([&] { rows = embedding(table, index); });
  index.fill_(77);
  graph.replay();
  const std::string report = error_of([] { cuda::synchronize(); });
  CHECK_MESSAGE(report.find("must lie in [0, 10), got 77") != std::string::npos, report);
  graph.replay();
  cuda::current_stream().query();
  while (!cuda::current_stream().query()) {
  }
  CHECK_THROWS_AS(graph.replay(), IndexError);
  index.fill_(7);
  graph.replay();
  CHECK(rows.sum().item<float>() == 28);
}
