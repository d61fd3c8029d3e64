// Memory of CPU tensors. Freed blocks are kept for the next tensor of about the same size: a fresh one
// costs a page fault per 4 KiB, which is more than most ops spend on the data.
#pragma once

#include <cstdint>

namespace fg {

/// `num_bytes` of uninitialised memory, 64-byte aligned; null for 0. Throws fg::Error when there is none.
void* allocate_host(int64_t num_bytes);
/// Gives back what allocate_host(num_bytes) returned. Never throws.
void free_host(void* data, int64_t num_bytes) noexcept;

/// The same memory for what kernels take for themselves, which does not count below.
void* allocate_host_scratch(int64_t num_bytes);
void free_host_scratch(void* data, int64_t num_bytes) noexcept;

/// Bytes of CPU tensors, as asked for, now and at most since the start or the last reset. Blocks that are
/// kept for reuse, and what kernels take for themselves, do not count.
int64_t host_memory_allocated();
int64_t max_host_memory_allocated();
void reset_peak_host_memory();

/// Bytes that are kept for reuse now. At most an eighth of the machine's memory is.
int64_t host_cache_bytes();
/// Returns all kept blocks to the system.
void empty_host_cache() noexcept;

}  // namespace fg
