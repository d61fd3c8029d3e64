// The profiler's record points: ranges of time on the CPU's threads, memory, and which node an op made.
// Programs use record_function here and Profile in serialize/profiler.h; ops open a RecordOp. Unless a
// profile runs, a point costs one relaxed load and a branch that is not taken.
#pragma once

#include <atomic>
#include <initializer_list>
#include <string_view>

#include "tensor/tensor.h"

namespace fg::profiler {

enum class EventKind : uint8_t {
  op,           // a public op
  node,         // a node of the tape, in a backward pass
  module_call,  // the forward pass of a module
  user,         // a record_function, an optimizer's step, a wait for data
  step,         // from one Profile::step() to the next
};

namespace detail {

/// What is recorded now; 0: nothing.
enum Recorded : unsigned { kRanges = 1, kShapes = 2, kMemory = 4, kModules = 8, kGpu = 16 };
inline std::atomic<unsigned> recorded{0};
inline bool records(Recorded what) { return recorded.load(std::memory_order_relaxed) & what; }

/// Tensors that an op was called with. Undefined ones and empty optionals count, without a shape.
struct Input {
  Input(const Tensor& tensor) : first(&tensor) {}
  Input(const optional<Tensor>& tensor) : first(tensor ? &*tensor : nullptr) {}
  Input(TensorList tensors) : first(tensors.data()), count(tensors.size()) {}
  Input(const std::vector<Tensor>& tensors) : Input(TensorList(tensors)) {}
  const Tensor* first;
  size_t count = 1;
};

/// A stretch of time of one thread, within the one that is open on that thread. Never throws: what
/// cannot be recorded is left out.
class Range {
 public:
  Range() = default;
  ~Range() { end(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

  /// `sequence_nr`: of the node that runs; -1: none.
  void begin(EventKind kind, std::string_view name, std::initializer_list<Input> inputs = {},
             int64_t sequence_nr = -1) noexcept;
  /// Ends what was begun, once.
  void end() noexcept {
    if (event_ != 0) [[unlikely]]
      finish();
  }

 private:
  void finish() noexcept;
  unsigned session_ = 0, event_ = 0;  // of which recording, and its number there, from 1
};

template <class... Inputs>
[[gnu::cold, gnu::noinline]] void begin_op(Range& range, const char* name,
                                           const Inputs&... inputs) noexcept {
  range.begin(EventKind::op, name, {Input(inputs)...});
}

/// Tells the innermost open op that it has made the node of this number.
void link_node(uint64_t sequence_nr) noexcept;
/// Memory was allocated (or, with negative `num_bytes`, freed); `allocated` is the device's new total.
void count_memory(Device device, int64_t num_bytes, int64_t allocated) noexcept;

}  // namespace detail

/// Whether a profile is recording.
inline bool is_active() { return detail::records(detail::kRanges); }

/// Lives as long as an op runs: `const profiler::RecordOp recorded("softmax", input);`, before the checks, in
/// each public op that is more than another name for one. `name` is copied
/// when a profile is recording.
class RecordOp {
 public:
  template <class... Inputs>
  explicit RecordOp(const char* name, const Inputs&... inputs) {
    if (is_active()) [[unlikely]]
      detail::begin_op(range_, name, inputs...);
  }

 private:
  detail::Range range_;
};

/// Names what this thread does during its lifetime. `name` is copied when a profile is recording.
class record_function {
 public:
  explicit record_function(std::string_view name) {
    if (is_active()) [[unlikely]]
      range_.begin(EventKind::user, name);
  }

 private:
  detail::Range range_;
};

}  // namespace fg::profiler
