// What the tests of GPU memory share.
#pragma once

#include <doctest/doctest.h>

#include "cuda/allocator.h"

/// A stream of the pool without cached blocks of earlier test cases.
inline fg::cuda::Stream fresh_stream() {
  fg::cuda::synchronize();
  fg::cuda::empty_cache();
  return fg::cuda::Stream::from_pool();
}

/// Walks the allocator's snapshot: blocks fill their segment without gaps, free neighbours are merged,
/// segments are apart, and the sums are those of the statistics.
inline void check_memory_invariants(fg::DeviceIndex device) {
  using State = fg::cuda::BlockInfo::State;
  fg::cuda::MemoryStats sums;
  const char* end_of_last = nullptr;
  bool is_sound = true;
  const auto segments = fg::cuda::memory_snapshot(device);
  for (const auto& segment : segments) {
    const char* address = static_cast<const char*>(segment.address);
    is_sound = is_sound && (!end_of_last || address >= end_of_last);
    end_of_last = address + segment.size;
    sums.segment.increase(segment.is_small, 1);
    sums.reserved_bytes.increase(segment.is_small, segment.size);
    State last = State::in_use;
    for (const auto& block : segment.blocks) {
      is_sound = is_sound && block.address == address && block.size > 0 && block.size % 512 == 0;
      is_sound = is_sound && !(block.state == State::free && last == State::free);
      address += block.size;
      last = block.state;
      if (block.state == State::free && segment.blocks.size() > 1) {
        sums.inactive_split.increase(segment.is_small, 1);
        sums.inactive_split_bytes.increase(segment.is_small, block.size);
      }
      if (block.state == State::free) continue;
      sums.active.increase(segment.is_small, 1);
      sums.active_bytes.increase(segment.is_small, block.size);
      if (block.state != State::in_use) continue;
      sums.allocation.increase(segment.is_small, 1);
      sums.allocated_bytes.increase(segment.is_small, block.size);
      sums.requested_bytes.increase(segment.is_small, block.requested);
    }
    is_sound = is_sound && address == end_of_last;
  }
  CHECK(is_sound);
  const auto stats = fg::cuda::memory_stats(device).flat();
  for (const auto& [key, value] : sums.flat())
    if (key.ends_with(".current")) CHECK_MESSAGE(value == stats.at(key), key);
}
