// GraphedStep: losses, parameters and states of whole training steps, replayed, are those of running them one by one.
#include <doctest/doctest.h>

#include "fusegrad.h"
#include "tests/device_under_test.h"
#include "tests/error_text.h"

using namespace fg;
using fg::test::device_under_test;
using fg::test::error_of;
namespace F = fg::nn::functional;

namespace {

using Batch = std::vector<Tensor>;
using MakeOptimizer =
    std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Tensor>& parameters)>;
using MakeNet = std::function<nn::Sequential()>;

constexpr int kSteps = 20;

bool on_gpu() { return device_under_test().is_cuda(); }

nn::Sequential make_mlp() {
  return nn::Sequential(nn::Flatten(), nn::Linear(64, 24), nn::ReLU(), nn::Dropout(0.4),
                        nn::Linear(24, 10));
}
nn::Sequential make_cnn() {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 4, 3).padding(1)), nn::BatchNorm2d(4),
                        nn::ReLU(), nn::MaxPool2d(2), nn::Dropout2d(0.2), nn::Flatten(),
                        nn::Linear(4 * 4 * 4, 10));
}

std::vector<Batch> make_batches(int count, int64_t size = 8) {
  Generator generator;
  generator.manual_seed(77);
  std::vector<Batch> batches;
  for (int i = 0; i < count; ++i)
    batches.push_back({empty({size, 1, 8, 8}).uniform_(-1, 1, generator),
                       empty({size}, kLong).random_(0, 10, generator)});
  return batches;
}

/// A net with its optimizer, made from one seed.
struct Training {
  explicit Training(const MakeNet& make_net, const MakeOptimizer& make_optimizer) {
    manual_seed(12);
    net = make_net();
    net->to(device_under_test());
    optimizer = make_optimizer(net->parameters());
  }

  Tensor step(const Batch& batch) {
    optimizer->zero_grad();
    const Tensor loss = F::cross_entropy(net->forward(batch[0]), batch[1]);
    loss.backward();
    optimizer->step();
    return loss;
  }
  GraphedStep graphed(const GraphedStepOptions& options = {}) {
    return GraphedStep(
        device_under_test(), [this](const Batch& batch) { return step(batch); }, options);
  }
  double eager(const Batch& batch) {
    const Device device = device_under_test();
    return step({batch[0].to(device), batch[1].to(device)}).item<double>();
  }

  nn::Sequential net;
  std::unique_ptr<optim::Optimizer> optimizer;
};

bool same(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& item : a)
    if (!b.contains(item.key()) || !equal(item.value(), b[item.key()])) return false;
  return true;
}

MakeOptimizer sgd(double momentum = 0) {
  return [momentum](const auto& parameters) {
    const auto options = optim::SGDOptions(0.05).momentum(momentum).nesterov(momentum > 0);
    return std::make_unique<optim::SGD>(parameters, options);
  };
}
template <class Optimizer, class Options>
MakeOptimizer make(const Options& options) {
  return [options](const auto& parameters) {
    return std::make_unique<Optimizer>(parameters, options);
  };
}

/// Runs `body` on one of three streams, none of which waits for the call before.
Tensor on_some_stream(int i, const std::function<Tensor()>& body) {
  if constexpr (kHasCuda) {
    if (on_gpu() && i % 3 != 0) {
      static const cuda::Stream streams[] = {cuda::Stream::from_pool(), cuda::Stream::from_pool()};
      const cuda::StreamGuard guard(streams[i % 3 - 1]);
      return body();
    }
  }
  return body();
}

/// Trains twice, with and without graphs, while `schedule` changes the options before each step.
void check_training(const MakeNet& net, const MakeOptimizer& make_optimizer,
                    const std::function<void(optim::Optimizer&, int step)>& schedule) {
  const std::vector<Batch> batches = make_batches(kSteps);
  Training expected(net, make_optimizer);
  std::vector<double> losses;
  for (int i = 0; i < kSteps; ++i) {
    schedule(*expected.optimizer, i);
    losses.push_back(expected.eager(batches[size_t(i)]));
  }
  Training training(net, make_optimizer);
  GraphedStep step = training.graphed();
  for (int i = 0; i < kSteps; ++i) {
    CAPTURE(i);
    schedule(*training.optimizer, i);
    const Tensor loss = step(batches[size_t(i)]);
    CHECK_FALSE(loss.requires_grad());
    CHECK(loss.item<double>() == losses[size_t(i)]);
    CHECK(step.is_captured() == (on_gpu() && i >= 3));
  }
  CHECK(same(training.net->state_dict(), expected.net->state_dict()));
  CHECK(same(training.optimizer->state_dict(), expected.optimizer->state_dict()));
  CHECK(losses.front() != losses.back());
}

void set_lr(optim::Optimizer& optimizer, int step) {
  optimizer.param_groups()[0].options().set_lr(0.05 / (1 + step));
}

}  // namespace

TEST_CASE("graphed step: every optimizer under a changing learning rate") {
  const MakeOptimizer optimizers[] = {
      sgd(),
      sgd(0.9),
      make<optim::Adam>(optim::AdamOptions(0.01)),
      make<optim::Adam>(optim::AdamOptions(0.01).amsgrad(true).weight_decay(0.01)),
      make<optim::AdamW>(optim::AdamWOptions(0.01)),
      make<optim::RMSprop>(optim::RMSpropOptions(0.01).momentum(0.5)),
      make<optim::RMSprop>(optim::RMSpropOptions(0.01).centered(true)),
      make<optim::Adagrad>(
          optim::AdagradOptions(0.01).lr_decay(0.1).initial_accumulator_value(0.1))};
  for (size_t i = 0; i < std::size(optimizers); ++i) {
    CAPTURE(i);
    check_training(make_mlp, optimizers[i], set_lr);
  }
}

TEST_CASE("graphed step: a convolutional net with batch norm and dropout") {
  check_training(make_cnn, make<optim::AdamW>(optim::AdamWOptions(0.01)), set_lr);
  check_training(make_cnn, sgd(0.9), [](auto&, int) {});
}

TEST_CASE("graphed step: schedulers change the learning rate and the momentum of replays") {
  const std::vector<Batch> batches = make_batches(kSteps);
  std::vector<double> losses[2];
  for (const bool graphed : {false, true}) {
    Training training(make_mlp, make<optim::Adam>(optim::AdamOptions(0.01)));
    optim::OneCycleLR schedule(*training.optimizer, 0.05, kSteps);
    GraphedStep step = training.graphed();
    for (const Batch& batch : batches) {
      losses[graphed].push_back(graphed ? step(batch).item<double>() : training.eager(batch));
      schedule.step();
    }
  }
  CHECK(losses[0] == losses[1]);
}

TEST_CASE("graphed step: groups of their own options, and clipped gradients") {
  const std::vector<Batch> batches = make_batches(kSteps);
  std::vector<double> losses[2];
  for (const bool graphed : {false, true}) {
    Training training(make_mlp, sgd());
    const auto all = training.net->parameters();
    std::vector<optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::vector<Tensor>{all[0], all[1]},
                        std::make_unique<optim::AdamOptions>(0.02));
    groups.emplace_back(std::vector<Tensor>{all[2], all[3]});
    optim::Adam optimizer(std::move(groups), optim::AdamOptions(0.02));
    const auto run = [&](const Batch& batch) {
      optimizer.zero_grad();
      const Tensor loss = F::cross_entropy(training.net->forward(batch[0]), batch[1]);
      loss.backward();
      optim::clip_grad_norm_(all, 0.5);
      optimizer.step();
      return loss;
    };
    GraphedStep step(device_under_test(), run, GraphedStepOptions().warmup(graphed ? 3 : 1000));
    for (int i = 0; i < kSteps; ++i) {
      // Both groups start alike; from the tenth step on they differ.
      if (i >= 10) optimizer.param_groups()[1].options().set_lr(0.001 * i);
      losses[graphed].push_back(step(batches[size_t(i)]).item<double>());
    }
  }
  CHECK(losses[0] == losses[1]);
}

TEST_CASE("graphed step: inputs come from pageable, pinned and device memory, on any stream") {
  const std::vector<Batch> batches = make_batches(kSteps);
  Training expected(make_mlp, sgd()), training(make_mlp, sgd());
  manual_seed(1);
  std::vector<double> losses;
  for (const Batch& batch : batches) losses.push_back(expected.eager(batch));
  manual_seed(1);
  GraphedStep step = training.graphed();
  std::vector<Tensor> replayed;
  for (int i = 0; i < kSteps; ++i) {
    Batch batch = batches[size_t(i)];
    for (size_t k = 0; k < batch.size(); ++k) {
      if (i % 4 == 1 && on_gpu()) batch[k] = batch[k].pin_memory();
      if (i % 4 == 2 || (i % 4 == 3 && k == 1)) batch[k] = batch[k].to(device_under_test());
    }
    if (i % 5 == 0) batch[0] = batch[0].transpose(2, 3).contiguous().transpose(2, 3);
    if constexpr (kHasCuda)
      if (on_gpu() && i % 4 >= 2) cuda::synchronize();  // for what was made on the default stream
    replayed.push_back(
        on_some_stream(i, [&] { return step(batch).clone(); }));  // the host runs ahead
  }
  if constexpr (kHasCuda)
    if (on_gpu()) cuda::synchronize();
  for (int i = 0; i < kSteps; ++i) CHECK(replayed[size_t(i)].item<double>() == losses[size_t(i)]);
}

TEST_CASE("graphed step: other inputs are errors, or run the function") {
  const std::vector<Batch> batches = make_batches(8), small = make_batches(1, 3);
  Training training(make_mlp, make<optim::Adam>(optim::AdamOptions(0.01)));
  GraphedStep step = training.graphed();
  for (int i = 0; i < 5; ++i) step(batches[0]);
  if (on_gpu()) {
    const std::string device = str(device_under_test().resolved());
    const auto error = [&](const Batch& batch) { return error_of([&] { step(batch); }); };
    CHECK(error(small[0]) == "GraphedStep: input 0 must be Float of shape [8, 1, 8, 8] on " +
                                 device + " or cpu, got Float of shape [3, 1, 8, 8] on cpu");
    CHECK(error({batches[0][0], batches[0][1].to(kInt)}) ==
          "GraphedStep: input 1 must be Long of shape [8] on " + device +
              " or cpu, got Int of shape [8] on cpu");
    CHECK(error({batches[0][0]}) == "GraphedStep: inputs must be 2 tensors, got 1");
    CHECK(error({batches[0][0], Tensor()}) == "GraphedStep: input 1 must be defined");
  }
  CHECK(error_of([] { GraphedStep(kCPU, nullptr); }) == "GraphedStep: step must be a function");
  CHECK(error_of([&] { training.graphed(GraphedStepOptions().warmup(0)); }) ==
        "GraphedStep: warmup must be at least 1, got 0");

  Training expected(make_mlp, make<optim::Adam>(optim::AdamOptions(0.01)));
  std::vector<double> losses;
  const auto batch_of = [&](int i) { return i % 3 == 2 ? small[0] : batches[size_t(i) % 8]; };
  for (int i = 0; i < kSteps; ++i) losses.push_back(expected.eager(batch_of(i)));
  Training other(make_mlp, make<optim::Adam>(optim::AdamOptions(0.01)));
  GraphedStep tolerant = other.graphed(GraphedStepOptions().eager_fallback(true));
  for (int i = 0; i < kSteps; ++i) CHECK(tolerant(batch_of(i)).item<double>() == losses[size_t(i)]);
  CHECK(tolerant.is_captured() == on_gpu());
  CHECK(same(other.optimizer->state_dict(), expected.optimizer->state_dict()));
}

TEST_CASE("graphed step: a function that waits for the GPU is an error, or runs as it is") {
  const std::vector<Batch> batches = make_batches(8);
  Training expected(make_mlp, sgd(0.9)), training(make_mlp, sgd(0.9));
  manual_seed(2);
  std::vector<double> losses;
  for (const Batch& batch : batches) losses.push_back(expected.eager(batch));
  double seen = 0;
  const auto looking = [&](const Batch& batch) {
    const Tensor loss = training.step(batch);
    seen = loss.item<double>();
    return loss;
  };
  manual_seed(2);
  GraphedStep strict(device_under_test(), looking);
  GraphedStep tolerant(device_under_test(), looking, GraphedStepOptions().eager_fallback(true));
  for (int i = 0; i < 3; ++i) CHECK(strict(batches[size_t(i)]).item<double>() == losses[size_t(i)]);
  if (on_gpu()) {
    const std::string error = error_of([&] { strict(batches[3]); });
    CHECK_MESSAGE(error.starts_with("item: cannot run while a CUDA graph is being captured"),
                  error);
    CHECK_FALSE(strict.is_captured());
  }
  for (int i = 3; i < 8; ++i) {
    CHECK(tolerant(batches[size_t(i)]).item<double>() == losses[size_t(i)]);
    CHECK(seen == losses[size_t(i)]);
  }
  CHECK_FALSE(tolerant.is_captured());
  CHECK(tolerant.why_eager().empty() == !on_gpu());
}

TEST_CASE("graphed step: gradients add up, or keep their memory, as the function has it") {
  const std::vector<Batch> batches = make_batches(8);
  const Device device = device_under_test();
  for (const bool zeroed : {false, true}) {
    CAPTURE(zeroed);
    Training training(make_mlp, sgd()), expected(make_mlp, sgd());
    const auto step_of = [zeroed](Training& own) {
      return [&own, zeroed](const Batch& batch) {
        if (zeroed) own.optimizer->zero_grad(/*set_to_none=*/false);
        const Tensor loss = F::cross_entropy(own.net->forward(batch[0]), batch[1]);
        loss.backward();
        return loss;
      };
    };
    GraphedStep step(device, step_of(training));
    const auto eager = step_of(expected);
    manual_seed(4);
    for (const Batch& batch : batches) step(batch);
    const void* const memory = training.net->parameters()[0].grad().data_ptr();
    manual_seed(4);
    for (const Batch& batch : batches) eager({batch[0].to(device), batch[1].to(device)});
    for (size_t i = 0; i < training.net->parameters().size(); ++i)
      CHECK(equal(training.net->parameters()[i].grad(), expected.net->parameters()[i].grad()));
    step(batches[0]);
    CHECK(training.net->parameters()[0].grad().data_ptr() == memory);
  }
}

TEST_CASE("graphed step: an optimizer that changed asks for a new capture") {
  const std::vector<Batch> batches = make_batches(8);
  Training training(make_mlp, make<optim::Adam>(optim::AdamOptions(0.01)));
  GraphedStep step = training.graphed();
  for (int i = 0; i < 5; ++i) step(batches[size_t(i)]);
  training.optimizer->load_state_dict(training.optimizer->state_dict());
  if (on_gpu())
    CHECK(
        error_of([&] { step(batches[5]); }) ==
        "Adam: the optimizer of a captured step must exist as it was then; capture the step again");
  step.reset();
  CHECK_FALSE(step.is_captured());
  for (int i = 0; i < 5; ++i) step(batches[size_t(i)]);
  CHECK(step.is_captured() == on_gpu());
  if (!on_gpu()) return;
  optim::Adam fresh(training.net->parameters());
  GraphedStep late(device_under_test(), [&](const Batch& batch) {
    const Tensor loss = F::cross_entropy(training.net->forward(batch[0]), batch[1]);
    loss.backward();
    if (step.is_captured()) return loss;
    fresh.step();
    return loss;
  });
  for (int i = 0; i < 3; ++i) late(batches[size_t(i)]);
  step.reset();
  CHECK(
      error_of([&] { late(batches[3]); }) ==
      "step: cannot run while a CUDA graph is being captured, because the optimizer's state would "
      "start anew at every replay: take a step before");
}
