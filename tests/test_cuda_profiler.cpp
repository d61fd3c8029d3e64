// The GPU's part of a profile: kernels and copies, the ops that queued them, memory.
#include <doctest/doctest.h>

#include "cuda/graph.h"
#include "cuda/launch.h"
#include "fusegrad.h"
#include "serialize/profiler.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::profiler;

namespace {

const TensorOptions kOnGpu = TensorOptions(kFloat).device(kCUDA);

size_t count_work(const Recording& recording, GpuEvent::Kind kind, const std::string& op) {
  return size_t(
      std::count_if(recording.gpu.begin(), recording.gpu.end(), [&](const GpuEvent& work) {
        const std::string name = work.event < 0 ? "" : recording.events.at(size_t(work.event)).name;
        return work.kind == kind && name == op;
      }));
}

/// Whether CUPTI takes part; a build without it, or a machine that forbids tracing, says why not.
bool records_gpu(const Recording& recording) {
  if (recording.gpu_problem.empty()) return true;
  skip_case("the GPU's work cannot be recorded: " + recording.gpu_problem);
  return false;
}

}  // namespace

TEST_CASE("cuda profiler: kernels and copies belong to the ops that queued them") {
  if (!require_gpu()) return;
  const Tensor host = randn({64});
  const int64_t before = cuda::launch_count();
  Profile profile;
  {
    const Tensor x = host.to(kCUDA).requires_grad_(true);
    x.sin().cos().sum().backward();
  }
  profile.stop();
  const Recording& recording = profile.recording();
  if (!records_gpu(recording)) return;
  CHECK(count_work(recording, GpuEvent::Kind::copy, "to") == 1);
  CHECK(count_work(recording, GpuEvent::Kind::kernel, "sin") == 1);
  CHECK(count_work(recording, GpuEvent::Kind::kernel, "cos") == 1);
  CHECK(count_work(recording, GpuEvent::Kind::kernel, "SinBackward") == 1);
  const auto is_kernel = [](const GpuEvent& work) { return work.kind == GpuEvent::Kind::kernel; };
  const auto kernels = std::count_if(recording.gpu.begin(), recording.gpu.end(), is_kernel);
  CHECK(kernels == cuda::launch_count() - before);
  for (const GpuEvent& work : recording.gpu) {
    CHECK(work.start_ns >= recording.start_ns);
    CHECK(work.end_ns >= work.start_ns);
    CHECK(work.event >= 0);
    CHECK(!work.name.empty());
  }
  const KeyAverages rows = profile.key_averages();
  for (const FunctionEventAvg& row : rows)
    if (row.key == "backward") CHECK(row.device_time_total >= row.self_device_time_total);
  CHECK(rows.table("self_cuda_time_total").find("Self CUDA time total: ") != std::string::npos);

  // A second recording starts anew.
  Profile second;
  second.stop();
  CHECK(second.recording().gpu.empty());
}

TEST_CASE("cuda profiler: replayed graphs") {
  if (!require_gpu()) return;
  cuda::Graph graph;
  const Tensor x = ones({32}, kOnGpu);
  Tensor y;
  graph.capture([&] { y = x.sin().cos(); });
  Profile profile;
  {
    const record_function range("replay");
    graph.replay();
  }
  profile.stop();
  if (!records_gpu(profile.recording())) return;
  CHECK(count_work(profile.recording(), GpuEvent::Kind::kernel, "replay") == 2);
  for (const Event& event : profile.events()) CHECK(event.name == "replay");
}

TEST_CASE("cuda profiler: a capture goes on under a profile that starts and stops in it") {
  if (!require_gpu()) return;
  cuda::Graph graph;
  const Tensor x = full({8}, 2.f, kOnGpu);
  Tensor y;
  graph.capture([&] {
    Profile profile(ProfilerOptions().profile_memory(true));
    y = x * x;
    profile.stop();
    CHECK(profile.events().at(0).name == "mul");
  });
  graph.replay();
  CHECK(equal(y.cpu(), full({8}, 4.f)));
}

TEST_CASE("cuda profiler: memory of the GPU, without its work") {
  if (!require_gpu()) return;
  Profile profile(ProfilerOptions().profile_memory(true).activities({ProfilerActivity::CPU}));
  {
    const record_function range("allocate");
    const Tensor x = empty({1024}, kOnGpu);
  }
  const Tensor kept = ones({512}, kOnGpu);
  profile.stop();
  CHECK(profile.recording().gpu.empty());
  CHECK(profile.events().at(0).gpu_bytes == 0);
  CHECK(profile.events().at(0).cpu_bytes == 0);
  const auto& memory = profile.recording().memory;
  REQUIRE(memory.size() >= 3);
  CHECK(memory[0].device.is_cuda());
  CHECK(memory[0].num_bytes == 4096);
  CHECK(memory[1].num_bytes == -4096);
  CHECK(profile.key_averages().table().find("CUDA Mem") != std::string::npos);
}

TEST_CASE("cuda profiler: only the GPU's work") {
  if (!require_gpu()) return;
  Profile profile(ProfilerOptions().activities({ProfilerActivity::CUDA}));
  ones({16}, kOnGpu);
  profile.stop();
  if (!records_gpu(profile.recording())) return;
  CHECK(profile.events().empty());
  REQUIRE(profile.recording().gpu.size() == 1);
  CHECK(profile.recording().gpu[0].event == -1);
}
