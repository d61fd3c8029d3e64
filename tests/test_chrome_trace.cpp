// The profiler's trace file: valid JSON, slices that nest, arrows that have two ends.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "fusegrad.h"
#include "serialize/profiler.h"
#include "tests/error_text.h"
#include "tests/files.h"

using namespace fg;
using namespace fg::profiler;
using fg::test::error_of;
using nlohmann::json;

namespace {

json events_of_phase(const json& trace, const std::string& phase) {
  json found = json::array();
  for (const json& event : trace.at("traceEvents"))
    if (event.at("ph") == phase) found.push_back(event);
  return found;
}

const json& slice_named(const json& slices, const std::string& name) {
  for (const json& slice : slices)
    if (slice.at("name") == name) return slice;
  throw Error("no slice " + name);
}

/// Slices of one track lie beside each other or within each other.
void check_nesting(const json& slices) {
  std::map<std::pair<int, int64_t>, std::vector<double>> open_ends;
  for (const json& slice : slices) {
    const double start = slice.at("ts"), end = start + slice.at("dur").get<double>();
    std::vector<double>& ends = open_ends[{slice.at("pid"), slice.at("tid")}];
    constexpr double kRounding = 1e-6;
    while (!ends.empty() && ends.back() <= start + kRounding) ends.pop_back();
    if (!ends.empty()) CHECK(end <= ends.back() + kRounding);
    CHECK(start >= 0);
    ends.push_back(end);
  }
}

}  // namespace

TEST_CASE("chrome trace: a training step") {
  manual_seed(0);
  nn::Sequential net(nn::Linear(3, 4), nn::ReLU());
  Profile profile(ProfilerOptions().record_shapes(true).with_modules(true).profile_memory(true));
  {
    const record_function range("a \"quoted\" name\n\xff");
    net(randn({5, 3})).sum().backward();
  }
  profile.stop();
  const test::TemporaryDirectory directory;
  const std::string path = directory / "trace.json";
  profile.export_chrome_trace(path);
  const json trace = json::parse(test::read_all(path));

  const json slices = events_of_phase(trace, "X");
  CHECK(slices.size() == profile.events().size());
  check_nesting(slices);
  const json& relu = slice_named(slices, "relu");
  CHECK(relu.at("cat") == "cpu_op");
  CHECK(relu.at("args").at("Input Dims") == json::parse("[[5, 4]]"));
  CHECK(relu.at("args").at("Input type") == json::parse(R"(["Float"])"));
  CHECK(relu.at("args").at("Module Hierarchy") == "fg::nn::SequentialImpl.1");
  const json& node = slice_named(slices, "ReluBackward");
  CHECK(node.at("cat") == "backward");
  CHECK(node.at("args").at("Sequence number") == relu.at("args").at("Sequence number"));
  CHECK(node.at("args").at("Module Hierarchy") == "fg::nn::SequentialImpl.1");
  CHECK(slice_named(slices, "fg::nn::SequentialImpl").at("cat") == "module");

  const json starts = events_of_phase(trace, "s"), finishes = events_of_phase(trace, "f");
  CHECK(starts.size() >= 3);  // linear, relu, sum
  REQUIRE(starts.size() == finishes.size());
  bool has_relu = false;
  for (size_t i = 0; i < starts.size(); ++i) {
    CHECK(starts[i].at("id") == finishes[i].at("id"));
    CHECK(starts[i].at("ts").get<double>() <= finishes[i].at("ts").get<double>());
    has_relu =
        has_relu || (starts[i].at("ts") == relu.at("ts") && finishes[i].at("ts") == node.at("ts"));
  }
  CHECK(has_relu);

  const json counters = events_of_phase(trace, "C");
  CHECK(counters.size() == profile.recording().memory.size());
  CHECK(counters.size() > 4);
  CHECK(counters[0].at("args").at("allocated").get<int64_t>() ==
        profile.recording().memory[0].allocated);
  CHECK(events_of_phase(trace, "M").size() == 2);  // one process with one thread
}

TEST_CASE("chrome trace: work of a GPU has tracks of its own") {
  Recording recording;
  recording.end_ns = 10000;
  recording.events.push_back({"matmul", EventKind::op, 0, -1, 1000, 3000, {}, -1, 0, 0});
  recording.gpu.push_back({"gemm", GpuEvent::Kind::kernel, 2000, 6000, 0, 7, 0});
  recording.gpu.push_back({"Memcpy HtoD", GpuEvent::Kind::copy, 7000, 7500, 1, 8, -1});
  const json trace = json::parse(chrome_trace(recording));
  const json slices = events_of_phase(trace, "X");
  const json &op = slice_named(slices, "matmul"), &kernel = slice_named(slices, "gemm");
  CHECK(kernel.at("pid") != op.at("pid"));
  CHECK(kernel.at("pid") != slice_named(slices, "Memcpy HtoD").at("pid"));
  CHECK(kernel.at("tid") == 7);
  CHECK(kernel.at("ts") == 2.0);
  CHECK(kernel.at("dur") == 4.0);
  CHECK(kernel.at("cat") == "kernel");
  const json finishes = events_of_phase(trace, "f");
  REQUIRE(finishes.size() == 1);
  CHECK(finishes[0].at("pid") == kernel.at("pid"));
  CHECK(events_of_phase(trace, "M").size() == 6);  // three processes, a track in each

  const KeyAverages rows = key_averages(recording);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].self_device_time_total == 4000);
  CHECK(rows[0].device_time_total == 4000);
  CHECK(rows[1].key == "gemm");
  CHECK(rows[1].is_gpu_work);
  CHECK(rows.table("cuda_time_total").find("Self CUDA time total: 4.500us") != std::string::npos);
}

TEST_CASE("chrome trace: nothing recorded, and a path that cannot be written") {
  CHECK(json::parse(chrome_trace({})).at("traceEvents").size() == 1);
  Profile profile;
  profile.stop();
  CHECK(error_of([&] {
          profile.export_chrome_trace("missing/folder/trace.json");
        }).find("export_chrome_trace: ") == 0);
}
