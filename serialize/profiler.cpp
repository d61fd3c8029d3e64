#include "serialize/profiler.h"

#include "serialize/file.h"

namespace fg::profiler {

Schedule schedule(int64_t wait, int64_t warmup, int64_t active, int64_t repeat,
                  int64_t skip_first) {
  ENSURE(wait >= 0 && warmup >= 0 && repeat >= 0 && skip_first >= 0,
         "schedule: wait, warmup, repeat and skip_first must not be negative, got ", wait, ", ",
         warmup, ", ", repeat, " and ", skip_first);
  ENSURE(active > 0, "schedule: active must be positive, got ", active);
  return [=](int64_t step) {
    const int64_t cycle = wait + warmup + active, at = step - skip_first;
    if (at < 0 || (repeat > 0 && at / cycle >= repeat)) return ProfilerAction::NONE;
    const int64_t place = at % cycle;
    if (place < wait) return ProfilerAction::NONE;
    if (place < wait + warmup) return ProfilerAction::WARMUP;
    return place < cycle - 1 ? ProfilerAction::RECORD : ProfilerAction::RECORD_AND_SAVE;
  };
}

namespace {

bool contains(const std::vector<ProfilerActivity>& activities, ProfilerActivity wanted) {
  return std::find(activities.begin(), activities.end(), wanted) != activities.end();
}

void start(const ProfilerOptions& options) {
  unsigned what = detail::kRanges;
  if (options.record_shapes()) what |= detail::kShapes;
  if (options.profile_memory()) what |= detail::kMemory;
  if (options.with_modules()) what |= detail::kModules;
  if (contains(options.activities(), ProfilerActivity::CUDA)) what |= detail::kGpu;
  detail::start_recording(what);
}

bool keeps(ProfilerAction action) {
  return action == ProfilerAction::RECORD || action == ProfilerAction::RECORD_AND_SAVE;
}

}  // namespace

Profile::Profile(ProfilerOptions options) : options_(std::move(options)) {
  ENSURE(!options_.activities().empty(), "Profile: activities must not be empty");
  enter(action(0));
  begin_step();
}

Profile::~Profile() {
  try {
    stop();
  } catch (...) {
  }
}

ProfilerAction Profile::action(int64_t step) const {
  return options_.schedule() ? options_.schedule()(step) : ProfilerAction::RECORD;
}

void Profile::begin_step() {
  if (options_.schedule()) step_range_.begin(EventKind::step, str("ProfilerStep#", step_));
}

// Starts, goes on, or begins anew, so that what is recorded while warming up is not kept.
void Profile::enter(ProfilerAction next) {
  const bool runs = action_ != ProfilerAction::NONE;
  const bool goes_on = runs && keeps(action_) == keeps(next) && next != ProfilerAction::NONE;
  if (runs && !goes_on) detail::stop_recording();
  action_ = ProfilerAction::NONE;
  if (next != ProfilerAction::NONE && !goes_on) start(options_);
  action_ = next;
}

void Profile::collect() {
  action_ = ProfilerAction::NONE;
  recording_ = detail::stop_recording();
  if (!contains(options_.activities(), ProfilerActivity::CPU)) {
    recording_.events.clear();
    for (GpuEvent& work : recording_.gpu) work.event = -1;
  }
  if (options_.on_trace_ready()) options_.on_trace_ready()(*this);
}

void Profile::step() {
  if (stopped_) return;
  step_range_.end();
  if (action_ == ProfilerAction::RECORD_AND_SAVE) collect();
  enter(action(++step_));
  begin_step();
}

void Profile::stop() {
  if (std::exchange(stopped_, true)) return;
  step_range_.end();
  if (keeps(action_))
    collect();
  else
    enter(ProfilerAction::NONE);
}

KeyAverages Profile::key_averages(bool group_by_input_shape) const {
  return profiler::key_averages(recording_, group_by_input_shape);
}

void Profile::export_chrome_trace(const std::string& path) const {
  write_file("export_chrome_trace", path, chrome_trace(recording_));
}

}  // namespace fg::profiler
