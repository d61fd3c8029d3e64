// Capture: what a graph keeps besides its kernels. A kernel's arguments are fixed when it is captured, so what
// the host changes from one replay to the next (where a random stream stands, a learning rate, a step count) is
// read from device memory, which is written before each replay. Internal to the library; programs use Graph.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cuda/stream.h"
#include "tensor/generator.h"
#include "tensor/kernels/philox.h"
#include "tensor/tensor.h"

namespace fg::cuda {

/// Numbers of the host that captured kernels read from device memory.
class ReplayValues {
 public:
  /// Writes the numbers of the next replay; what it changes on the host is that replay's effect.
  using Writer = std::function<void(void* numbers)>;

  explicit ReplayValues(DeviceIndex device) : device_(device) {}

  /// Device memory, 8-byte aligned, that holds what `write` wrote when a replay starts. At most kMaxBytes.
  void* add(size_t num_bytes, Writer write);
  /// Runs all writers, and queues a write of what has changed on the current stream.
  void refresh();

  static constexpr size_t kMaxBytes = 4096;

 private:
  struct Block {
    Tensor memory;
    std::vector<uint64_t> words, sent;  // `sent` is empty before the first refresh
    size_t used = 0;
  };
  struct Entry {
    size_t block, word;
    Writer write;
  };
  void send(Block& block);

  DeviceIndex device_;
  std::vector<Block> blocks_;
  std::vector<Entry> entries_;
};

/// A generator that captured kernels draw from.
struct CapturedGenerator {
  explicit CapturedGenerator(const Generator& own) : generator(own) {}

  Generator generator;
  /// Where it stood when the capture began, and where it stands again when that ends.
  uint64_t seed = 0, offset = 0;
  uint64_t drawn = 0;              // counters per replay
  const uint64_t* base = nullptr;  // PhiloxDraw's
};

class Capture {
 public:
  explicit Capture(DeviceIndex device) : values_(device) {}

  void add_generator(const Generator& generator);
  /// A draw from where `state` stands; the caller holds the generator's lock and moves the state on.
  PhiloxDraw draw(const GeneratorState& state);
  ReplayValues& values() { return values_; }

  /// Remembers where the generators stand. Their states move on during the capture, so that state that an op saves
  /// and restores meanwhile means what it always does.
  void begin();
  /// Puts the generators back: drawing is done by replays alone.
  void end() noexcept;

 private:
  std::vector<std::unique_ptr<CapturedGenerator>> generators_;  // writers refer to them
  ReplayValues values_;
};

namespace detail {
inline constinit thread_local Capture* capture_of_thread = nullptr;
}  // namespace detail

/// The capture that work of the calling thread goes to now, or null.
inline Capture* current_capture() {
  Capture* const capture = detail::capture_of_thread;
  return capture && current_stream().is_capturing() ? capture : nullptr;
}

}  // namespace fg::cuda
