#include "train_examples/common/profiled_steps.h"

#include <iostream>

#include "serialize/file.h"

namespace fg::examples {

void add_profile_flag(CLI::App& app, std::string& path) {
  app.add_option("--profile", path, "Trace of a few steps, for Perfetto, and their table by op")
      ->type_name("FILE");
}

ProfiledSteps::ProfiledSteps(const std::string& path) {
  if (path.empty()) return;
  // An error now, not after the steps.
  AtomicFile("--profile", path);
  const auto report = [this, path](profiler::Profile& profile) {
    // Training may end where recording begins; then there is the range of the step and nothing in it.
    if (profile.events().size() < 2) return;
    const profiler::KeyAverages rows = profile.key_averages();
    const bool on_gpu = !profile.recording().gpu.empty();
    std::cout << '\n' << rows.table(on_gpu ? "self_cuda_time_total" : "self_cpu_time_total", 25);
    profile.export_chrome_trace(path);
    std::cout << "trace: " << path << ", to be opened in https://ui.perfetto.dev\n";
    if (const std::string& problem = profile.recording().gpu_problem; !problem.empty())
      std::cout << "the GPU's work is not in it: " << problem << '\n';
    reported_ = true;
  };
  profile_.emplace(profiler::ProfilerOptions()
                       .record_shapes(true)
                       .profile_memory(true)
                       .with_modules(true)
                       .schedule(profiler::schedule(1, 2, 5, 1))
                       .on_trace_ready(report));
}

ProfiledSteps::~ProfiledSteps() {
  if (!profile_) return;
  profile_.reset();
  if (!reported_) std::cout << "--profile: nothing was recorded; it begins with the fourth step\n";
}

}  // namespace fg::examples
