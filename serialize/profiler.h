// The profiler: records what a program does while a Profile lives, in PyTorch's terms, and reports it as a table by
// op or as a trace for Perfetto or chrome://tracing. docs/profiling.md shows its use.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/arg.h"
#include "tensor/profiler_recording.h"

namespace fg::profiler {

class Profile;

enum class ProfilerActivity { CPU, CUDA };
/// What is done in one step: nothing; record and throw away; record; record, and report after the step.
enum class ProfilerAction { NONE, WARMUP, RECORD, RECORD_AND_SAVE };
using Schedule = std::function<ProfilerAction(int64_t step)>;

/// Skips `skip_first` steps; then, `repeat` times (0: without end), waits, warms up and records for the given
/// numbers of steps. Throws fg::Error for a negative number or when `active` is 0.
Schedule schedule(int64_t wait, int64_t warmup, int64_t active, int64_t repeat = 0,
                  int64_t skip_first = 0);

struct ProfilerOptions {
  /// Whether the inputs' shapes and dtypes are kept.
  FUSEGRAD_ARG(bool, record_shapes) = false;
  /// Whether memory that tensors take and give back is counted.
  FUSEGRAD_ARG(bool, profile_memory) = false;
  /// Whether the forward pass of each module is a range.
  FUSEGRAD_ARG(bool, with_modules) = false;
  /// What is reported: ranges of the CPU's threads, kernels and copies of the GPUs. Without a GPU, or without the
  /// CUDA backend, there is nothing to report of one.
  FUSEGRAD_ARG(std::vector<ProfilerActivity>, activities) = {ProfilerActivity::CPU,
                                                             ProfilerActivity::CUDA};
  /// Without one everything is recorded, from the constructor to stop().
  FUSEGRAD_ARG(Schedule, schedule);
  /// Called after the last step of each active stretch, and by stop() in the middle of one.
  FUSEGRAD_ARG(std::function<void(Profile&)>, on_trace_ready);
};

/// Sums over the ranges of one name, kind and, if asked for, input shapes. Times are in nanoseconds; `self` leaves out
/// what inner ranges took, and a range within another of its key counts in `count` and `self` only.
struct FunctionEventAvg {
  std::string key;
  EventKind kind = EventKind::op;
  bool is_gpu_work = false;              // a kernel or a copy: only the device's times are set
  std::vector<InputShape> input_shapes;  // when grouped by them
  int64_t count = 0;
  int64_t cpu_time_total = 0, self_cpu_time_total = 0;
  int64_t device_time_total = 0, self_device_time_total = 0;
  int64_t cpu_memory_usage = 0, self_cpu_memory_usage = 0;  // bytes allocated less freed
  int64_t device_memory_usage = 0, self_device_memory_usage = 0;
};

class KeyAverages : public std::vector<FunctionEventAvg> {
 public:
  /// Rows by descending `sort_by`: the name of a number of FunctionEventAvg, or "" for the order of first calls. Columns
  /// that are empty throughout are left out. Throws fg::Error for another name.
  std::string table(const std::string& sort_by = "self_cpu_time_total",
                    int64_t row_limit = 100) const;
};

/// Records from construction to stop(), in all threads. One can record at a time.
///
///     profiler::Profile profile(profiler::ProfilerOptions().record_shapes(true));
///     train_step();
///     profile.stop();
///     std::cout << profile.key_averages().table();
///     profile.export_chrome_trace("trace.json");
class Profile {
 public:
  /// Throws fg::Error when another Profile records.
  explicit Profile(ProfilerOptions options = {});
  /// As stop(); what on_trace_ready throws is lost.
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Call after each step of the program, in the thread that made the profile. Each step is a range.
  void step();
  /// Ends the recording, for good.
  void stop();

  /// Of the last recording that has ended; a recording under way does not show.
  const Recording& recording() const { return recording_; }
  const std::vector<Event>& events() const { return recording_.events; }
  KeyAverages key_averages(bool group_by_input_shape = false) const;
  /// Writes Chrome's trace format (JSON) through a temporary file. Throws fg::Error when it cannot.
  void export_chrome_trace(const std::string& path) const;
  int64_t step_num() const { return step_; }

 private:
  ProfilerAction action(int64_t step) const;
  void enter(ProfilerAction next);
  void collect();
  void begin_step();

  ProfilerOptions options_;
  ProfilerAction action_ = ProfilerAction::NONE;
  int64_t step_ = 0;
  bool stopped_ = false;
  detail::Range step_range_;
  Recording recording_;
};

/// What Profile's methods of these names do, for a recording.
KeyAverages key_averages(const Recording& recording, bool group_by_input_shape = false);
std::string chrome_trace(const Recording& recording);

}  // namespace fg::profiler
