// What the profiler records, its sums and its table, on a clock of the test's own where times matter.
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "fusegrad.h"
#include "serialize/profiler.h"
#include "tests/error_text.h"

using namespace fg;
using namespace fg::profiler;
using fg::test::error_of;

namespace {

std::atomic<int64_t> fake_time{0};

/// While it lives, time passes by advance() alone.
class FakeClock {
 public:
  FakeClock() {
    fake_time = 1000;
    profiler::detail::clock = [] { return fake_time.load(); };
  }
  ~FakeClock() { profiler::detail::clock = &profiler::detail::steady_nanoseconds; }
  static void advance(int64_t microseconds) { fake_time += 1000 * microseconds; }
};

/// The events that `body` leaves.
Recording recorded(const std::function<void()>& body, ProfilerOptions options = {}) {
  Profile profile(std::move(options));
  body();
  profile.stop();
  return profile.recording();
}

std::vector<std::string> names_of(const Recording& recording) {
  std::vector<std::string> names;
  for (const Event& event : recording.events) names.push_back(event.name);
  return names;
}

const Event& event_named(const Recording& recording, const std::string& name) {
  for (const Event& event : recording.events)
    if (event.name == name) return event;
  throw Error("no event " + name);
}

const FunctionEventAvg& row_named(const KeyAverages& rows, const std::string& name) {
  for (const FunctionEventAvg& row : rows)
    if (row.key == name) return row;
  throw Error("no row " + name);
}

/// Names of the ranges around an event, from the outermost.
std::string path_of(const Recording& recording, const Event& event) {
  if (event.parent < 0) return "";
  const Event& parent = recording.events[size_t(event.parent)];
  const std::string rest = path_of(recording, parent);
  return rest.empty() ? parent.name : rest + "/" + parent.name;
}

void spend(const char* name, int64_t microseconds, const std::function<void()>& inner = {}) {
  const record_function range(name);
  FakeClock::advance(microseconds);
  if (inner) inner();
}

}  // namespace

TEST_CASE("profiler: nothing is recorded without a Profile") {
  const Tensor x = ones({3}, requires_grad());
  x.sin().sum().backward();
  CHECK(!is_active());
  CHECK(recorded([] {}).events.empty());
  const Recording recording = recorded([] { CHECK(is_active()); });
  CHECK(!is_active());
  x.cos();
  CHECK(recording.events.empty());
  CHECK(recorded([] {}).memory.empty());
}

TEST_CASE("profiler: ranges nest, and times are summed by name") {
  const FakeClock clock;
  const Recording recording = recorded([] {
    FakeClock::advance(5);
    spend("outer", 10, [] {
      spend("inner", 3);
      FakeClock::advance(2);
      spend("inner", 4, [] { spend("innermost", 1); });
    });
    spend("recursive", 6, [] { spend("recursive", 7); });
  });
  CHECK(names_of(recording) ==
        std::vector<std::string>{"outer", "inner", "inner", "innermost", "recursive", "recursive"});
  CHECK(path_of(recording, recording.events[3]) == "outer/inner");
  CHECK(recording.events[0].start_ns - recording.start_ns == 5000);
  CHECK(recording.events[0].duration_ns() == 20000);
  CHECK(recording.end_ns - recording.start_ns == 38000);

  const KeyAverages rows = key_averages(recording);
  CHECK(rows.size() == 4);
  CHECK(row_named(rows, "outer").cpu_time_total == 20000);
  CHECK(row_named(rows, "outer").self_cpu_time_total == 12000);
  CHECK(row_named(rows, "inner").count == 2);
  CHECK(row_named(rows, "inner").cpu_time_total == 8000);
  CHECK(row_named(rows, "inner").self_cpu_time_total == 7000);
  // Not counted twice where it calls itself.
  CHECK(row_named(rows, "recursive").count == 2);
  CHECK(row_named(rows, "recursive").cpu_time_total == 13000);
  CHECK(row_named(rows, "recursive").self_cpu_time_total == 13000);
}

TEST_CASE("profiler: the table") {
  const FakeClock clock;
  const Recording recording = recorded([] {
    spend("training", 500, [] {
      spend("load", 1250);
      spend("load", 250);
    });
  });
  CHECK(key_averages(recording).table() ==
        R"(--------  ----------  ---------  -----------  ---------  ------------  ----------
Name      Self CPU %   Self CPU  CPU total %  CPU total  CPU time avg  # of Calls
--------  ----------  ---------  -----------  ---------  ------------  ----------
load          75.00%    1.500ms       75.00%    1.500ms     750.000us           2
training      25.00%  500.000us      100.00%    2.000ms       2.000ms           1
--------  ----------  ---------  -----------  ---------  ------------  ----------
Self CPU time total: 2.000ms
)");
  const std::string two = key_averages(recording).table("cpu_time_total", 1);
  CHECK(two.find("training") != std::string::npos);
  CHECK(two.find("load") == std::string::npos);
  CHECK(KeyAverages().table().find("Self CPU time total: 0.000us") != std::string::npos);
  CHECK(error_of([&] {
          key_averages(recording).table("speed");
        }).find("table: sort_by must be one of count, cpu_time_total, ") == 0);
}

TEST_CASE("profiler: ops, nodes and modules of a training step") {
  manual_seed(0);
  nn::Sequential net(nn::Linear(3, 4), nn::ReLU(), nn::Linear(4, 2));
  optim::SGD optimizer(net->parameters(), 0.1);
  const Tensor x = randn({5, 3}), target = randn({5, 2});
  const Recording recording = recorded(
      [&] {
        optimizer.zero_grad();
        mse_loss(net(x), target).backward();
        optimizer.step();
      },
      ProfilerOptions().record_shapes(true).with_modules(true));

  const auto find = [&](const std::string& name) -> const Event& {
    return event_named(recording, name);
  };
  CHECK(find("relu").kind == EventKind::op);
  CHECK(path_of(recording, find("relu")) == "fg::nn::SequentialImpl/1");
  CHECK(path_of(recording, find("linear")) == "fg::nn::SequentialImpl/0");
  const std::vector<InputShape>& inputs = find("linear").inputs;
  REQUIRE(inputs.size() == 3);
  CHECK(inputs[0].sizes == DimVector{5, 3});
  CHECK(inputs[1].sizes == DimVector{4, 3});
  CHECK(inputs[2].sizes == DimVector{4});
  CHECK(inputs[2].dtype == kFloat);

  const Event& node = find("ReluBackward");
  CHECK(node.kind == EventKind::node);
  CHECK(path_of(recording, node) == "backward");
  CHECK(node.sequence_nr == find("relu").sequence_nr);
  CHECK(node.sequence_nr >= 0);
  CHECK(find("MseLossBackward").sequence_nr == find("mse_loss").sequence_nr);
  CHECK(node.inputs.at(0).sizes == DimVector{5, 4});
  CHECK(row_named(key_averages(recording), "AccumulateGrad").count == 4);
  CHECK(find("AccumulateGrad").sequence_nr == -1);
  CHECK(find("Optimizer.step#SGD.step").kind == EventKind::user);
  CHECK(find("Optimizer.zero_grad").parent == -1);
  for (const Event& event : recording.events) {
    CHECK(event.thread == 0);
    CHECK(event.end_ns >= event.start_ns);
  }

  // The two layers are told apart by the shapes of their inputs.
  const KeyAverages by_shape = key_averages(recording, /*group_by_input_shape=*/true);
  const auto is_linear = [](const FunctionEventAvg& row) { return row.key == "linear"; };
  CHECK(std::count_if(by_shape.begin(), by_shape.end(), is_linear) == 2);
  CHECK(by_shape.table().find("[[5, 3], [4, 3], [4]]") != std::string::npos);
  // Without the options there are neither shapes nor modules.
  const Recording plain = recorded([&] { net->forward(x); });
  CHECK(event_named(plain, "linear").inputs.empty());
  CHECK(event_named(plain, "relu").parent == -1);
}

TEST_CASE("profiler: ops without gradients, undefined inputs and lists") {
  const NoGradGuard no_grad;
  const Recording recording = recorded(
      [] {
        const std::vector<Tensor> parts{ones({2}), ones({3})};
        cat(parts);
        linear(ones({1, 2}), ones({3, 2}), Tensor());
        clamp(ones({4}), Tensor(), ones({}));
        ones({2}).add_(1);
      },
      ProfilerOptions().record_shapes(true));
  CHECK(event_named(recording, "cat").inputs.size() == 2);
  CHECK(event_named(recording, "cat").sequence_nr == -1);
  CHECK(!event_named(recording, "linear").inputs.at(2).defined);
  CHECK(!event_named(recording, "clamp").inputs.at(1).defined);
  CHECK(event_named(recording, "clamp").inputs.at(2).defined);
  CHECK(event_named(recording, "add_").inputs.at(0).sizes == DimVector{2});
}

TEST_CASE("profiler: memory is counted where it is allocated") {
  Tensor kept;
  const Recording recording = recorded(
      [&] {
        const record_function outer("outer");
        kept = empty({1000});
        const record_function inner("inner");
        const Tensor passing = empty({500});
        kept = empty({2000});
      },
      ProfilerOptions().profile_memory(true));
  // By allocations, less what was freed: kept's first memory went while `inner` was open, and so did `passing`.
  CHECK(event_named(recording, "outer").cpu_bytes == 4000);
  CHECK(event_named(recording, "inner").cpu_bytes == 8000 - 4000);
  const KeyAverages rows = key_averages(recording);
  CHECK(row_named(rows, "outer").cpu_memory_usage == 8000);
  CHECK(row_named(rows, "outer").self_cpu_memory_usage == 4000);
  REQUIRE(recording.memory.size() == 5);
  CHECK(recording.memory[0].num_bytes == 4000);
  CHECK(recording.memory[4].allocated - recording.memory[0].allocated == 4000);
  CHECK(rows.table().find("Self CPU Mem") != std::string::npos);
  CHECK(rows.table().find("7.81 KiB") != std::string::npos);
  CHECK(recorded([] { empty({10}); }).memory.empty());
}

TEST_CASE("profiler: exceptions end their ranges") {
  const Recording recording = recorded([] {
    CHECK_THROWS_AS([] { spend("fails", 0, [] { mm(ones({2, 3}), ones({2, 3})); }); }(), Error);
    spend("after", 0);
  });
  CHECK(path_of(recording, event_named(recording, "mm")) == "fails");
  CHECK(event_named(recording, "after").parent == -1);
  CHECK(event_named(recording, "mm").end_ns > 0);
}

TEST_CASE("profiler: ranges that are open when recording starts or ends") {
  const FakeClock clock;
  optional<record_function> early(std::in_place, "early"), late;
  const Recording recording = recorded([&] {
    early.reset();
    late.emplace("late");
    FakeClock::advance(8);
  });
  CHECK(names_of(recording) == std::vector<std::string>{"late"});
  CHECK(recording.events[0].duration_ns() == 8000);
  // A range of an earlier recording does not end one of this.
  const Recording next = recorded([&] {
    const record_function fresh("fresh");
    late.reset();
    FakeClock::advance(2);
  });
  CHECK(next.events.at(0).duration_ns() == 2000);
}

TEST_CASE("profiler: each thread has its own ranges") {
  const Recording recording = recorded([] {
    const record_function here("here");
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([t] {
        const record_function range(str("worker ", t));
        for (int i = 0; i < 200; ++i) ones({4}).sin();
      });
    for (std::thread& thread : threads) thread.join();
  });
  std::set<int> numbers;
  for (const Event& event : recording.events) {
    numbers.insert(event.thread);
    if (event.parent >= 0) CHECK(recording.events[size_t(event.parent)].thread == event.thread);
    if (event.name == "sin") CHECK(path_of(recording, event).find("worker ") == 0);
  }
  CHECK(numbers == std::set<int>{0, 1, 2, 3});
  CHECK(row_named(key_averages(recording), "sin").count == 600);
  // Threads that have ended leave nothing behind.
  CHECK(recorded([] {}).events.empty());
}

TEST_CASE("profiler: threads that go on while recordings come and go") {
  std::atomic<bool> done{false};
  std::thread worker([&] {
    while (!done) ones({4}).sin();
  });
  for (int i = 0; i < 20; ++i) {
    const Recording recording = recorded([] { ones({2}).cos(); });
    CHECK(event_named(recording, "cos").thread == 0);
    for (const Event& event : recording.events) {
      CHECK(event.end_ns >= event.start_ns);
      CHECK(event.end_ns <= recording.end_ns + 1000000000);
    }
  }
  done = true;
  worker.join();
}

namespace {

struct Numbers : data::datasets::Dataset<Numbers, data::Example<>> {
  data::Example<> get(size_t index) override { return {full({2}, int64_t(index)), ones({})}; }
  optional<size_t> size() const override { return 12; }
};

}  // namespace

TEST_CASE("profiler: the loader's waits and its workers' batches") {
  const Recording recording = recorded([] {
    auto loader =
        data::make_data_loader(Numbers(), data::DataLoaderOptions().batch_size(4).workers(2));
    for (auto& batch : *loader) CHECK(batch.size() == 4);
  });
  const KeyAverages rows = key_averages(recording);
  CHECK(row_named(rows, "DataLoader.next").count == 4);  // the last finds the end
  CHECK(row_named(rows, "DataLoader.get_batch").count == 3);
  CHECK(event_named(recording, "DataLoader.next").thread == 0);
  CHECK(event_named(recording, "DataLoader.get_batch").thread > 0);
}

TEST_CASE("profiler: schedules") {
  const Schedule plan = schedule(1, 1, 2, 2, 1);
  std::string actions;
  for (int64_t step = 0; step < 12; ++step) actions += "-wrS"[int(plan(step))];
  CHECK(actions == "--wrS-wrS---");
  CHECK(schedule(0, 0, 1)(1000) == ProfilerAction::RECORD_AND_SAVE);
  CHECK(error_of([] { schedule(1, 1, 0); }) == "schedule: active must be positive, got 0");
  CHECK(error_of([] { schedule(-1, 1, 1); }) ==
        "schedule: wait, warmup, repeat and skip_first must not be negative, got -1, 1, 0 and 0");

  std::vector<std::vector<std::string>> reports;
  ProfilerOptions options;
  options.schedule(schedule(1, 1, 2, 2)).on_trace_ready([&](Profile& profile) {
    reports.push_back(names_of(profile.recording()));
  });
  {
    Profile profile(options);
    for (int step = 0; step < 7; ++step) {
      const record_function range(str("work ", step));
      CHECK(is_active() == (step % 4 != 0));
      profile.step();
    }
    CHECK(reports.size() == 1);
    CHECK(profile.step_num() == 7);
  }
  // The second stretch is cut short.
  using Names = std::vector<std::string>;
  REQUIRE(reports.size() == 2);
  CHECK(reports[0] == Names{"ProfilerStep#2", "work 2", "ProfilerStep#3", "work 3"});
  CHECK(reports[1] == Names{"ProfilerStep#6", "work 6", "ProfilerStep#7"});
  CHECK(!is_active());
}

TEST_CASE("profiler: one profile at a time, and none after a failure") {
  Profile first;
  CHECK(error_of([] { Profile second; }) ==
        "profiler: a profile is running already; there can be one at a time");
  CHECK(is_active());
  first.stop();
  first.step();
  CHECK(!is_active());
  CHECK(error_of([] { Profile none(ProfilerOptions().activities({})); }) ==
        "Profile: activities must not be empty");
  CHECK(!is_active());
  const Recording gpu_only =
      recorded([] { ones({2}).sin(); }, ProfilerOptions().activities({ProfilerActivity::CUDA}));
  CHECK(gpu_only.events.empty());
}
