// Memory of CPU tensors. Freed blocks are kept for the next tensor of about the same size: a fresh one
// costs a page fault per 4 KiB, which is more than most ops spend on the data.
#pragma once

#include <cstdint>

namespace fg {

/// `num_bytes` of uninitialised memory, 64-byte aligned; null for 0. Throws fg::Error when there is none.
void* allocate_host(int64_t num_bytes);
/// Gives back what allocate_host(num_bytes) returned. Never throws.
void free_host(void* data, int64_t num_bytes) noexcept;

/// Bytes that are kept for reuse now. At most an eighth of the machine's memory is.
int64_t host_cache_bytes();
/// Returns all kept blocks to the system.
void empty_host_cache() noexcept;

}  // namespace fg
