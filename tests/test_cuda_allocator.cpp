// The caching allocator of GPU memory.
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "cuda/allocator.h"
#include "tests/cuda_memory.h"
#include "tests/gpu.h"
#include "tests/held_stream.h"

using namespace fg::cuda;
using fg::DeviceIndex;

namespace {

constexpr int64_t kMiB = 1 << 20;

void* allocate_on(const Stream& stream, int64_t num_bytes) {
  const StreamGuard guard(stream);
  return allocate(num_bytes, stream.device_index());
}

// Random allocations and frees on a few streams; no two live blocks may overlap.
class RandomLoad {
 public:
  explicit RandomLoad(unsigned seed) : random_(seed) {
    for (int i = 0; i < 3; ++i) streams_.push_back(Stream::from_pool());
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (live_.size() < 20 || random_() % 2)
        add();
      else
        remove(std::next(live_.begin(), int64_t(random_() % live_.size())));
    }
    while (!live_.empty()) remove(live_.begin());
  }
  bool has_overlap() const { return has_overlap_; }

 private:
  using Live = std::map<char*, int64_t>;

  void add() {
    constexpr int64_t kScales[] = {100, 5000, kMiB / 2, 3 * kMiB, 15 * kMiB};
    const int64_t size = 1 + int64_t(random_() % uint64_t(kScales[random_() % 5]));
    char* data = static_cast<char*>(allocate_on(streams_[random_() % 3], size));
    const auto after = live_.lower_bound(data);
    if (after != live_.end() && after->first < data + size) has_overlap_ = true;
    if (after != live_.begin() && std::prev(after)->first + std::prev(after)->second > data)
      has_overlap_ = true;
    live_[data] = size;
  }
  void remove(Live::iterator entry) {
    if (random_() % 8 == 0) record_stream(entry->first, 0, streams_[random_() % 3]);
    fg::cuda::free(entry->first, 0);
    live_.erase(entry);
  }

  std::mt19937_64 random_;
  std::vector<Stream> streams_;
  Live live_;
  bool has_overlap_ = false;
};

}  // namespace

TEST_CASE("allocator: a random load keeps blocks apart and in order, and the books balance") {
  if (!require_gpu()) return;
  empty_cache();
  const MemoryStats before = memory_stats(0);
  RandomLoad load(1);
  for (int round = 0; round < 10; ++round) {
    load.run(300);
    check_memory_invariants(0);
  }
  CHECK_FALSE(load.has_overlap());
  synchronize(0);
  empty_cache();
  check_memory_invariants(0);
  const MemoryStats after = memory_stats(0);
  CHECK(after.num_device_alloc - before.num_device_alloc ==
        after.num_device_free - before.num_device_free);
  CHECK(after.num_device_alloc > before.num_device_alloc);
  for (const auto& [key, value] : after.flat())
    if (key.ends_with(".current")) CHECK_MESSAGE(value == before.flat().at(key), key);
}

TEST_CASE("allocator: threads allocate and free at once") {
  if (!require_gpu()) return;
  const int64_t before = memory_allocated(0);
  std::vector<std::thread> threads;
  std::array<bool, 4> has_overlap{};
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([i, &has_overlap] {
      RandomLoad load(i);
      load.run(500);
      has_overlap[i] = load.has_overlap();
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(has_overlap == std::array<bool, 4>{});
  synchronize(0);
  CHECK(memory_allocated(0) == before);
  check_memory_invariants(0);
}

TEST_CASE("allocator: sizes are rounded as in PyTorch") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream();
  empty_cache();
  struct Expected {
    int64_t requested, block, segment;
  };
  for (const auto& [requested, block, segment] :
       {Expected{1, 512, 2 * kMiB}, Expected{513, 1024, 2 * kMiB}, Expected{kMiB, kMiB, 2 * kMiB},
        Expected{kMiB + 1, kMiB + 512, 20 * kMiB}, Expected{10 * kMiB, 10 * kMiB, 10 * kMiB},
        Expected{11 * kMiB, 12 * kMiB, 12 * kMiB}}) {
    CAPTURE(requested);
    const int64_t reserved = memory_reserved(0), allocated = memory_allocated(0);
    void* data = allocate_on(stream, requested);
    CHECK(memory_reserved(0) - reserved == segment);
    // The rest of a large segment is split off only where it is more than 1 MiB.
    CHECK(memory_allocated(0) - allocated == block);
    fg::cuda::free(data, 0);
    empty_cache();
  }
  CHECK(allocate(0, 0) == nullptr);
  CHECK_THROWS_WITH_AS(allocate(-1, 0), "allocate: num_bytes must not be negative, got -1",
                       fg::Error);
}

TEST_CASE("allocator: best fit, and a block returns to its own stream at once") {
  if (!require_gpu()) return;
  const Stream a = fresh_stream(), b = fresh_stream();
  void* const blocks[] = {allocate_on(a, 4096), allocate_on(a, 512), allocate_on(a, 1024),
                          allocate_on(a, 512)};
  // The large rest of the segment and the freed blocks of 4096 and 1024 bytes fit 1000.
  fg::cuda::free(blocks[0], 0);
  fg::cuda::free(blocks[0], 0);  // twice, and
  int foreign = 0;
  fg::cuda::free(&foreign, 0);  // what was never ours, is let pass
  fg::cuda::free(blocks[2], 0);
  check_memory_invariants(0);
  void* const other = allocate_on(b, 1000);
  CHECK(other != blocks[2]);
  void* const same = allocate_on(a, 1000);
  CHECK(same == blocks[2]);
  for (void* block : {blocks[1], blocks[3], other, same}) fg::cuda::free(block, 0);
  CHECK(allocate_on(a, kMiB) == blocks[0]);  // merged again
  fg::cuda::free(blocks[0], 0);
  check_memory_invariants(0);
}

TEST_CASE("allocator: a block that another stream uses waits for its event") {
  if (!require_gpu()) return;
  const Stream a = fresh_stream(), b = fresh_stream();
  void* const block = allocate_on(a, 2000);
  fg::cuda::free(allocate_on(a, 2000), 0);
  HeldStream held(b);
  record_stream(block, 0, b);
  record_stream(block, 0, a);  // its own stream: nothing to wait for
  const int64_t allocated = memory_allocated(0);
  const int64_t active = memory_stats(0).active_bytes.all.current;
  fg::cuda::free(block, 0);
  CHECK(memory_allocated(0) == allocated - 2048);
  CHECK(memory_stats(0).active_bytes.all.current == active);
  check_memory_invariants(0);
  void* const meanwhile = allocate_on(a, 2000);
  CHECK(meanwhile != block);
  held.release();
  void* const afterwards = allocate_on(a, 2000);
  CHECK(afterwards == block);
  fg::cuda::free(meanwhile, 0);
  fg::cuda::free(afterwards, 0);
  CHECK(memory_stats(0).active_bytes.all.current == active - 2048);
  check_memory_invariants(0);
}

TEST_CASE("allocator: a block that two other streams use waits for both") {
  if (!require_gpu()) return;
  const Stream a = fresh_stream(), b = Stream::from_pool(), c = Stream::from_pool();
  void* const block = allocate_on(a, 2000);
  HeldStream held_b(b), held_c(c);
  for (const Stream& stream : {b, c, b}) record_stream(block, 0, stream);
  fg::cuda::free(block, 0);
  held_b.release();
  void* const meanwhile = allocate_on(a, 2000);
  CHECK(meanwhile != block);
  held_c.release();
  void* const afterwards = allocate_on(a, 2000);
  CHECK(afterwards == block);
  fg::cuda::free(meanwhile, 0);
  fg::cuda::free(afterwards, 0);
  check_memory_invariants(0);
}

TEST_CASE("allocator: out of memory empties the cache, then says what is held") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream();
  empty_cache();
  const int64_t total = mem_get_info(0).second;
  const int64_t room = memory_reserved(0) + 100 * kMiB;
  set_per_process_memory_fraction((double(room) + 0.5) / double(total), 0);
  const MemoryStats before = memory_stats(0);

  void* const kept = allocate_on(stream, 30 * kMiB);
  fg::cuda::free(allocate_on(stream, 50 * kMiB), 0);
  void* const retried = allocate_on(stream, 60 * kMiB);  // only without the cached 50 MiB
  CHECK(memory_stats(0).num_alloc_retries == before.num_alloc_retries + 1);
  CHECK(memory_stats(0).num_ooms == before.num_ooms);

  std::string text;
  try {
    allocate_on(stream, 40 * kMiB);
  } catch (const fg::OutOfMemoryError& error) {
    text = error.what();
  }
  CAPTURE(text);
  CHECK(text.starts_with("allocate: cuda:0 is out of memory: requested 40.00 MiB, allocated "));
  for (const char* part : {", reserved ", ", free ", " of ", ", limit "})
    CHECK(text.find(part) != std::string::npos);
  CHECK(memory_stats(0).num_ooms == before.num_ooms + 1);
  check_memory_invariants(0);

  fg::cuda::free(retried, 0);
  void* const next = allocate_on(stream, 40 * kMiB);
  CHECK(next != nullptr);
  set_per_process_memory_fraction(1, 0);
  fg::cuda::free(next, 0);
  fg::cuda::free(kept, 0);
  empty_cache();
  CHECK(memory_reserved(0) == before.reserved_bytes.all.current);
}

TEST_CASE("allocator: more than the device has") {
  if (!require_gpu()) return;
  const auto [free_bytes, total] = mem_get_info(0);
  CHECK(free_bytes <= total);
  for (const int64_t num_bytes : {2 * total, INT64_MAX})
    CHECK_THROWS_AS(allocate(num_bytes, 0), fg::OutOfMemoryError);
  void* const data = allocate(100, 0);
  CHECK(cudaPeekAtLastError() == cudaSuccess);  // no error is left behind
  fg::cuda::free(data, 0);
}

TEST_CASE("allocator: peaks and sums are reset apart") {
  if (!require_gpu()) return;
  void* const kept = allocate(3 * kMiB, 0);
  fg::cuda::free(allocate(5 * kMiB, 0), 0);
  const int64_t now = memory_allocated(0);
  CHECK(max_memory_allocated(0) >= now + 5 * kMiB);
  reset_peak_memory_stats(0);
  CHECK(max_memory_allocated(0) == now);
  CHECK(max_memory_reserved(0) == memory_reserved(0));
  CHECK(memory_stats(0).allocated_bytes.all.freed >= 5 * kMiB);
  reset_accumulated_memory_stats(0);
  CHECK(memory_stats(0).allocated_bytes.all.freed == 0);
  CHECK(memory_stats(0).num_device_alloc == 0);
  fg::cuda::free(allocate(7 * kMiB, 0), 0);
  CHECK(max_memory_allocated(0) == now + 7 * kMiB);
  CHECK(memory_stats(0).allocated_bytes.all.freed == 7 * kMiB);
  CHECK(memory_stats(0).requested_bytes.large_pool.allocated == 7 * kMiB);
  fg::cuda::free(kept, 0);
}

TEST_CASE("allocator: statistics under PyTorch's keys, and as a table") {
  if (!require_gpu()) return;
  void* const data = allocate(700, 0);
  const auto flat = memory_stats(0).flat();
  CHECK(flat.at("allocated_bytes.all.current") == memory_allocated(0));
  CHECK(flat.at("reserved_bytes.all.peak") == max_memory_reserved(0));
  CHECK(flat.at("allocation.small_pool.current") >= 1);
  CHECK(flat.size() == 9 * 12 + 4);
  const std::string table = memory_summary(0);
  for (const char* part : {"memory of cuda:0", "allocated_bytes", "large_pool", "peak"})
    CHECK(table.find(part) != std::string::npos);
  fg::cuda::free(data, 0);
}

TEST_CASE("allocator: every device has its own memory") {
  if (!require_gpu()) return;
  if (device_count() < 2) return skip_case("there is one GPU only");
  const int64_t first = memory_allocated(0), second = memory_allocated(1);
  void* const data = allocate(5000, 1);
  CHECK(current_device() == 0);
  CHECK(memory_allocated(0) == first);
  CHECK(memory_allocated(1) == second + 5120);
  cudaPointerAttributes attributes{};
  CUDA_CHECK(cudaPointerGetAttributes(&attributes, data));
  CHECK(attributes.device == 1);
  // Used on another device's default stream, whose handle is null like that of its own.
  const Stream stream = Stream::default_stream(0);
  HeldStream held(stream);
  record_stream(data, 1, stream);
  fg::cuda::free(data, 1);
  void* const other = allocate(5000, 1);
  CHECK(other != data);
  held.release();
  void* const again = allocate(5000, 1);
  CHECK(again == data);
  fg::cuda::free(again, 1);
  fg::cuda::free(other, 1);
  check_memory_invariants(1);
}
