// Numbers of the host written to device memory in the order of the stream.
#pragma once

#include <cstdint>
#include <span>

namespace fg::cuda {

/// Queues target[i] = words[i] on the current stream. `words` may change as soon as this returns.
void write_words(uint64_t* target, std::span<const uint64_t> words);

}  // namespace fg::cuda
