#include "tensor/profiler.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "tensor/profiler_recording.h"

namespace fg::profiler::detail {

std::atomic<Clock> clock{&steady_nanoseconds};

int64_t steady_nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

namespace {

int64_t now() { return clock.load(std::memory_order_relaxed)(); }

/// One thread's part of the recording. Only its thread adds to it; the lock is for the one who collects.
struct ThreadBuffer {
  std::mutex mutex;
  std::vector<Event> events;
  std::vector<size_t> open;  // indices of `events`, the innermost last
  std::vector<MemoryChange> memory;
  int number = 0;
  bool thread_is_gone = false;
};

struct Recorder {
  std::mutex mutex;  // taken before a buffer's
  std::vector<std::unique_ptr<ThreadBuffer>> buffers;
  std::atomic<unsigned> session{0};
  int64_t start_ns = 0;
  std::string gpu_problem;
};

// Never destroyed: threads and tensors may outlive it otherwise.
Recorder& recorder() {
  static Recorder* const instance = new Recorder;
  return *instance;
}

enum class ThreadState : uint8_t { new_here, has_buffer, ended };
// Of trivial types: tensors that are freed while the thread ends may still ask.
thread_local ThreadState state = ThreadState::new_here;
thread_local ThreadBuffer* own_buffer = nullptr;

struct Farewell {
  ~Farewell() {
    state = ThreadState::ended;
    const std::lock_guard lock(own_buffer->mutex);
    own_buffer->thread_is_gone = true;
  }
};

/// Null once the thread ends.
ThreadBuffer* this_thread() {
  if (state == ThreadState::new_here) {
    Recorder& all = recorder();
    const std::lock_guard lock(all.mutex);
    auto buffer = std::make_unique<ThreadBuffer>();
    buffer->number = all.buffers.empty() ? 0 : all.buffers.back()->number + 1;
    own_buffer = buffer.get();
    all.buffers.push_back(std::move(buffer));
    state = ThreadState::has_buffer;
    thread_local const Farewell farewell;
  }
  return state == ThreadState::has_buffer ? own_buffer : nullptr;
}

/// Runs `body` on this thread's buffer while a recording runs.
template <class Body>
void with_buffer(const Body& body) noexcept {
  try {
    ThreadBuffer* const buffer = this_thread();
    if (!buffer) return;
    const std::lock_guard lock(buffer->mutex);
    // stop_recording() clears it before it takes the lock.
    if (recorded.load(std::memory_order_acquire)) body(*buffer);
  } catch (...) {
    // Out of memory: a profile with a gap is better than a training run that ends.
  }
}

std::vector<InputShape> shapes_of(std::initializer_list<Input> inputs) {
  std::vector<InputShape> shapes;
  for (const Input& input : inputs) {
    if (!input.first && input.count == 1) shapes.emplace_back();
    for (size_t i = 0; input.first && i < input.count; ++i) {
      const Tensor& tensor = input.first[i];
      if (tensor.defined())
        shapes.push_back({true, tensor.impl().sizes, tensor.dtype()});
      else
        shapes.emplace_back();
    }
  }
  return shapes;
}

constexpr uint64_t kEventBits = 0xffffffff;

/// What a range is called towards the GPU's trace, in which ids of an earlier recording may be left.
uint64_t gpu_id(const ThreadBuffer& buffer, unsigned session, size_t event) {
  return uint64_t(session) << 48 | uint64_t(buffer.number & 0xffff) << 32 | event;
}

}  // namespace

void Range::begin(EventKind kind, std::string_view name, std::initializer_list<Input> inputs,
                  int64_t sequence_nr) noexcept {
  with_buffer([&](ThreadBuffer& buffer) {
    Event event;
    event.name = name;
    event.kind = kind;
    event.parent = buffer.open.empty() ? -1 : int64_t(buffer.open.back());
    event.sequence_nr = sequence_nr;
    if (records(kShapes)) event.inputs = shapes_of(inputs);
    buffer.open.push_back(buffer.events.size());
    buffer.events.push_back(std::move(event));
    event_ = unsigned(buffer.events.size());
    session_ = recorder().session;
    if constexpr (FUSEGRAD_CUDA_ENABLED)
      if (records(kGpu)) cuda::push_gpu_range(gpu_id(buffer, session_, event_ - 1));
    // Last, so that the recording itself is not counted.
    buffer.events.back().start_ns = now();
  });
}

void Range::finish() noexcept {
  const size_t index = std::exchange(event_, 0) - 1;
  if (session_ != recorder().session) return;
  const int64_t time = now();
  with_buffer([&](ThreadBuffer& buffer) {
    const auto place = std::find(buffer.open.begin(), buffer.open.end(), index);
    if (place == buffer.open.end()) return;  // begun by another thread
    buffer.open.erase(place);
    buffer.events[index].end_ns = time;
    if constexpr (FUSEGRAD_CUDA_ENABLED)
      if (records(kGpu)) cuda::pop_gpu_range();
  });
}

void link_node(uint64_t sequence_nr) noexcept {
  with_buffer([&](ThreadBuffer& buffer) {
    if (buffer.open.empty()) return;
    Event& event = buffer.events[buffer.open.back()];
    if (event.kind == EventKind::op) event.sequence_nr = int64_t(sequence_nr);
  });
}

void count_memory(Device device, int64_t num_bytes, int64_t allocated) noexcept {
  with_buffer([&](ThreadBuffer& buffer) {
    buffer.memory.push_back({now(), device, num_bytes, allocated});
    if (buffer.open.empty()) return;
    Event& event = buffer.events[buffer.open.back()];
    (device.is_cuda() ? event.gpu_bytes : event.cpu_bytes) += num_bytes;
  });
}

void start_recording(unsigned what) {
  this_thread();
  Recorder& all = recorder();
  const std::lock_guard lock(all.mutex);
  ENSURE(recorded == 0, "profiler: a profile is running already; there can be one at a time");
  all.gpu_problem.clear();
  if constexpr (FUSEGRAD_CUDA_ENABLED)
    if (what & kGpu) all.gpu_problem = cuda::start_gpu_trace();
  if (!FUSEGRAD_CUDA_ENABLED || !all.gpu_problem.empty()) what &= ~unsigned(kGpu);
  const auto own = std::find_if(all.buffers.begin(), all.buffers.end(),
                                [](const auto& buffer) { return buffer.get() == own_buffer; });
  std::rotate(all.buffers.begin(), own, own + 1);
  for (size_t i = 0; i < all.buffers.size(); ++i) all.buffers[i]->number = int(i);
  ++all.session;
  all.start_ns = now();
  recorded = what | kRanges;
}

namespace {

/// Moves what `buffer` holds behind what `recording` holds; open ranges end with the recording.
void collect(ThreadBuffer& buffer, Recording& recording) {
  // A range of another thread may have begun after the end was noted.
  for (size_t index : buffer.open)
    buffer.events[index].end_ns = std::max(recording.end_ns, buffer.events[index].start_ns);
  const auto offset = int64_t(recording.events.size());
  for (Event& event : buffer.events) {
    event.thread = buffer.number;
    if (event.parent >= 0) event.parent += offset;
    recording.events.push_back(std::move(event));
  }
  recording.memory.insert(recording.memory.end(), buffer.memory.begin(), buffer.memory.end());
  buffer.events = {};
  buffer.memory = {};
  buffer.open.clear();
}

}  // namespace

Recording stop_recording() {
  Recorder& all = recorder();
  const std::lock_guard lock(all.mutex);
  Recording result;
  result.start_ns = all.start_ns;
  result.end_ns = now();
  const unsigned what = recorded.exchange(0);
  const unsigned session = all.session++;
  result.gpu_problem = all.gpu_problem;
  std::map<uint64_t, int64_t> first_events;  // by what ids of the thread's ranges begin with
  for (const auto& buffer : all.buffers) {
    const std::lock_guard buffer_lock(buffer->mutex);
    first_events[gpu_id(*buffer, session, 0)] = int64_t(result.events.size());
    collect(*buffer, result);
  }
  std::erase_if(all.buffers, [](const auto& buffer) {
    const std::lock_guard buffer_lock(buffer->mutex);
    return buffer->thread_is_gone;
  });
  std::stable_sort(result.memory.begin(), result.memory.end(),
                   [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
  if constexpr (FUSEGRAD_CUDA_ENABLED) {
    if (what & kGpu) result.gpu = cuda::stop_gpu_trace();
    for (GpuEvent& work : result.gpu) {
      const auto id = uint64_t(work.event);
      const auto found = first_events.find(id & ~kEventBits);
      work.event = found == first_events.end() ? -1 : found->second + int64_t(id & kEventBits);
    }
  }
  return result;
}

}  // namespace fg::profiler::detail
