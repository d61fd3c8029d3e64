// A recording in Chrome's trace event format, which Perfetto and chrome://tracing open. Source: "Trace Event Format",
// the document of the Catapult project: complete events "X", flows "s" and "f", counters "C", metadata "M".
#include <set>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "serialize/profiler.h"

namespace fg::profiler {
namespace {

using Json = nlohmann::ordered_json;

// Process 0 is the idle one to some viewers.
constexpr int kCpuProcess = 1, kFirstGpuProcess = 2;

const char* category(EventKind kind) {
  switch (kind) {
    case EventKind::op:
      return "cpu_op";
    case EventKind::node:
      return "backward";
    case EventKind::module_call:
      return "module";
    default:
      return "user_annotation";
  }
}

const char* category(GpuEvent::Kind kind) {
  switch (kind) {
    case GpuEvent::Kind::copy:
      return "gpu_memcpy";
    case GpuEvent::Kind::set:
      return "gpu_memset";
    default:
      return "kernel";
  }
}

class TraceWriter {
 public:
  explicit TraceWriter(const Recording& recording)
      : recording_(recording), events_(recording.events) {
    for (size_t i = 0; i < events_.size(); ++i)
      if (events_[i].kind == EventKind::op && events_[i].sequence_nr >= 0)
        makers_[events_[i].sequence_nr] = i;
  }

  std::string write() {
    name_processes();
    for (size_t i = 0; i < events_.size(); ++i) add_range(i);
    for (const GpuEvent& work : recording_.gpu) add_gpu_work(work);
    for (const MemoryChange& change : recording_.memory) add_memory(change);
    Json trace{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(list_)}};
    if (!recording_.gpu_problem.empty()) trace["gpuProblem"] = recording_.gpu_problem;
    // What is no UTF-8 in a user's name is replaced, not refused.
    return trace.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  /// Microseconds since the recording began.
  double time(int64_t nanoseconds) const { return double(nanoseconds - recording_.start_ns) / 1e3; }

  Json event(const char* phase, const std::string& name, const char* category, int process,
             int64_t thread, int64_t start_ns) const {
    return {{"ph", phase},    {"name", name},  {"cat", category},
            {"pid", process}, {"tid", thread}, {"ts", time(start_ns)}};
  }
  Json range_event(const char* phase, const std::string& name, const char* category,
                   const Event& range) const {
    return event(phase, name, category, kCpuProcess, range.thread + 1, range.start_ns);
  }

  void add_name(const char* what, int process, int64_t thread, const std::string& name) {
    list_.push_back({{"ph", "M"},
                     {"name", what},
                     {"pid", process},
                     {"tid", thread},
                     {"args", {{"name", name}}}});
  }
  void name_processes() {
    add_name("process_name", kCpuProcess, 0, "CPU");
    std::set<int> threads, gpus;
    std::set<std::pair<int, int64_t>> streams;
    for (const Event& range : events_) threads.insert(range.thread);
    for (int thread : threads)
      add_name("thread_name", kCpuProcess, thread + 1, str("thread ", thread));
    for (const GpuEvent& work : recording_.gpu) {
      if (gpus.insert(work.device).second)
        add_name("process_name", kFirstGpuProcess + work.device, 0, str("GPU ", work.device));
      if (streams.insert({work.device, work.stream}).second)
        add_name("thread_name", kFirstGpuProcess + work.device, work.stream,
                 str("stream ", work.stream));
    }
  }

  /// Names of the modules around a range, from the outermost; those around the op that made a node.
  std::string modules_around(size_t i) const {
    if (const auto maker = makers_.find(events_[i].sequence_nr);
        events_[i].kind == EventKind::node && maker != makers_.end())
      i = maker->second;
    std::string path;
    for (int64_t at = events_[i].parent; at >= 0; at = events_[size_t(at)].parent)
      if (events_[size_t(at)].kind == EventKind::module_call)
        path = events_[size_t(at)].name + (path.empty() ? "" : "." + path);
    return path;
  }

  Json arguments_of(size_t i) const {
    const Event& range = events_[i];
    Json args = Json::object();
    if (!range.inputs.empty()) {
      Json dims = Json::array(), types = Json::array();
      for (const InputShape& input : range.inputs) {
        dims.push_back(std::vector<int64_t>(input.sizes.begin(), input.sizes.end()));
        types.push_back(input.defined ? to_string(input.dtype) : "");
      }
      args["Input Dims"] = std::move(dims);
      args["Input type"] = std::move(types);
    }
    if (range.sequence_nr >= 0) args["Sequence number"] = range.sequence_nr;
    if (std::string modules = modules_around(i); !modules.empty())
      args["Module Hierarchy"] = std::move(modules);
    if (range.cpu_bytes != 0) args["Self CPU bytes"] = range.cpu_bytes;
    if (range.gpu_bytes != 0) args["Self CUDA bytes"] = range.gpu_bytes;
    return args;
  }

  void add_range(size_t i) {
    const Event& range = events_[i];
    Json entry = range_event("X", range.name, category(range.kind), range);
    entry["dur"] = double(range.duration_ns()) / 1e3;
    entry["args"] = arguments_of(i);
    list_.push_back(std::move(entry));
    if (range.kind != EventKind::node) return;
    if (const auto maker = makers_.find(range.sequence_nr); maker != makers_.end())
      add_flow("fwdbwd", events_[maker->second], range_event("f", "fwdbwd", "fwdbwd", range));
  }

  void add_flow(const char* name, const Event& from, Json to) {
    Json start = range_event("s", name, name, from);
    start["id"] = to["id"] = ++flows_;
    to["bp"] = "e";  // binds to the slice around it, not to the next one
    list_.push_back(std::move(start));
    list_.push_back(std::move(to));
  }

  void add_gpu_work(const GpuEvent& work) {
    const int process = kFirstGpuProcess + work.device;
    const char* kind = category(work.kind);
    Json entry = event("X", work.name, kind, process, work.stream, work.start_ns);
    entry["dur"] = double(work.duration_ns()) / 1e3;
    if (work.event >= 0) entry["args"] = {{"op", events_[size_t(work.event)].name}};
    list_.push_back(std::move(entry));
    if (work.event >= 0)
      add_flow("ac2g", events_[size_t(work.event)],
               event("f", "ac2g", "ac2g", process, work.stream, work.start_ns));
  }

  void add_memory(const MemoryChange& change) {
    const std::string name = change.device.is_cuda()
                                 ? str("GPU ", int(change.device.index()), " memory")
                                 : std::string("CPU memory");
    Json entry = event("C", name, "memory", kCpuProcess, 0, change.time_ns);
    entry["args"] = {{"allocated", change.allocated}};
    list_.push_back(std::move(entry));
  }

  const Recording& recording_;
  const std::vector<Event>& events_;
  std::unordered_map<int64_t, size_t> makers_;  // the op that made the node of a number
  Json list_ = Json::array();
  int64_t flows_ = 0;
};

}  // namespace

std::string chrome_trace(const Recording& recording) { return TraceWriter(recording).write(); }

}  // namespace fg::profiler
