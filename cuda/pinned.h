// Page-locked host memory, from which and to which the GPU copies by itself while the host goes on. Freed
// blocks are kept for reuse, since the driver takes long to lock pages.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "tensor/kernels/memory.h"

namespace fg::cuda {

/// A copy queued on `stream` uses the block that `data` points into: once freed, the block is not reused before
/// what is queued on `stream` at that time is done, and never if `stream` is then being captured into a graph,
/// which may be replayed at any time. Memory that is not from here is let pass.
void record_pinned_stream(const void* data, const Stream& stream);

/// Bytes of pinned memory in use, and bytes held from the system in all.
struct PinnedMemoryStats {
  int64_t allocated_bytes = 0;
  int64_t reserved_bytes = 0;
};
PinnedMemoryStats pinned_memory_stats();
/// Gives blocks that nobody uses back to the system.
void empty_pinned_cache();

}  // namespace fg::cuda
