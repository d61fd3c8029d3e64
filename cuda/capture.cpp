#include "cuda/capture.h"

#include <algorithm>

#include "cuda/allocator.h"
#include "cuda/kernels/replay_values.h"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"

namespace fg::cuda {

bool is_in_capture(DeviceIndex device) {
  return detail::capture_of_thread || current_stream(device).is_capturing();
}
void refuse_in_capture(const char* op, const char* reason, DeviceIndex device) {
  ENSURE(!is_in_capture(device), op, ": cannot run while a CUDA graph is being captured, because ",
         reason);
}

void* ReplayValues::add(size_t num_bytes, Writer write) {
  const size_t words = (num_bytes + 7) / 8, capacity = kMaxBytes / 8;
  ENSURE(words <= capacity, "ReplayValues: num_bytes must be at most ", kMaxBytes, ", got ",
         num_bytes);
  if (blocks_.empty() || blocks_.back().used + words > capacity) {
    // Not from the graph's own memory: what a graph uses for something else before must not overwrite it.
    const StreamGuard guard(Stream::default_stream(device_));
    const TensorOptions bytes = TensorOptions(kByte).device(Device(kCUDA, device_));
    blocks_.push_back({empty({int64_t(kMaxBytes)}, bytes), std::vector<uint64_t>(capacity), {}, 0});
  }
  Block& block = blocks_.back();
  const size_t word = block.used;
  block.used += words;
  entries_.push_back({blocks_.size() - 1, word, std::move(write)});
  return static_cast<uint64_t*>(block.memory.data_ptr()) + word;
}

void ReplayValues::refresh() {
  for (const Entry& entry : entries_) entry.write(&blocks_[entry.block].words[entry.word]);
  for (Block& block : blocks_) send(block);
}

void ReplayValues::send(Block& block) {
  const Stream stream = current_stream(device_), owner = Stream::default_stream(device_);
  if (!(stream == owner)) record_stream(block.memory, stream);
  auto* const memory = static_cast<uint64_t*>(block.memory.data_ptr());
  const auto begin = block.words.begin(), end = begin + ptrdiff_t(block.used);
  auto first = begin, last = end;
  if (block.sent.empty()) {
    // What used this memory before has been queued there.
    if (!(stream == owner)) stream.wait_stream(owner);
  } else {
    first = std::mismatch(begin, end, block.sent.begin()).first;
    while (last != first && last[-1] == block.sent[size_t(last - begin) - 1]) --last;
  }
  block.sent = block.words;
  write_words(memory + (first - begin), {first, last});
}

void Capture::add_generator(const Generator& generator) {
  ENSURE(generator.device().is_cuda(),
         "register_generator: generator must be of a cuda device, got ", generator.device());
  for (const auto& known : generators_)
    if (known->generator == generator) return;
  generators_.push_back(std::make_unique<CapturedGenerator>(generator));
}

void Capture::begin() {
  for (const auto& own : generators_) {
    const std::lock_guard lock(own->generator.mutex());
    own->seed = own->generator.state().seed;
    own->offset = own->generator.state().offset;
  }
}

void Capture::end() noexcept {
  for (const auto& own : generators_) {
    const std::lock_guard lock(own->generator.mutex());
    GeneratorState& state = own->generator.state();
    own->drawn = state.offset - own->offset;
    state.seed = own->seed;
    state.offset = own->offset;
  }
}

PhiloxDraw Capture::draw(const GeneratorState& state) {
  const auto found = std::find_if(generators_.begin(), generators_.end(), [&](const auto& each) {
    return &each->generator.state() == &state;
  });
  ENSURE(
      found != generators_.end(),
      "Graph: a generator that is drawn from during a capture must be the default one or given to "
      "register_generator, got another one");
  CapturedGenerator& own = **found;
  ENSURE(state.seed == own.seed && state.offset >= own.offset,
         "manual_seed: cannot run while a CUDA graph is being captured, because replays go on "
         "with the generator's stream");
  if (!own.base) {
    own.base =
        static_cast<const uint64_t*>(values_.add(2 * sizeof(uint64_t), [&own](void* numbers) {
          const std::lock_guard lock(own.generator.mutex());
          GeneratorState& now = own.generator.state();
          auto* const base = static_cast<uint64_t*>(numbers);
          base[0] = now.seed;
          base[1] = now.offset;
          now.offset += own.drawn;
        }));
  }
  return {0, state.offset - own.offset, own.base};
}

}  // namespace fg::cuda
