// GPU memory of captured graphs, of storages, and without the cache.
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

#include "cuda/allocator.h"
#include "cuda/device_allocator.h"
#include "tensor/storage.h"
#include "tests/cuda_memory.h"
#include "tests/gpu.h"
#include "tests/held_stream.h"

using namespace fg::cuda;

namespace {

constexpr int64_t kMiB = 1 << 20;

int64_t private_bytes() {
  int64_t sum = 0;
  for (const SegmentInfo& segment : memory_snapshot(0))
    if (segment.is_private) sum += segment.size;
  return sum;
}

// Captures what `work` queues on `stream`, with the strictest mode, and throws the graph away.
template <class Work>
void capture(const Stream& stream, Work&& work) {
  CUDA_CHECK(cudaStreamBeginCapture(stream.native(), cudaStreamCaptureModeGlobal));
  work();
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream.native(), &graph);
  CHECK(status == cudaSuccess);
  if (graph) CUDA_CHECK(cudaGraphDestroy(graph));
}

std::vector<char> to_host(const void* data, size_t num_bytes) {
  std::vector<char> bytes(num_bytes);
  CUDA_CHECK(cudaMemcpy(bytes.data(), data, num_bytes, cudaMemcpyDeviceToHost));
  return bytes;
}

}  // namespace

TEST_CASE("memory pool: what a graph used is kept for it until the handle dies") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream();
  const StreamGuard guard(stream);
  const int64_t reserved = memory_reserved(0);
  void* inside = nullptr;
  {
    MemoryPool pool(0);
    pool.begin(stream);
    capture(stream, [&] {
      inside = allocate(3000, 0);
      fg::cuda::free(inside, 0);
      CHECK(allocate(3000, 0) == inside);  // reused within the graph
      fg::cuda::free(inside, 0);
    });
    pool.end(stream);
    CHECK(private_bytes() == 2 * kMiB);
    void* const outside = allocate(3000, 0);
    CHECK(outside != inside);
    fg::cuda::free(outside, 0);
    empty_cache();
    CHECK(private_bytes() == 2 * kMiB);

    MemoryPool shared = pool;
    shared.begin(stream);
    void* const again = allocate(3000, 0);
    CHECK(again == inside);
    shared.end(stream);
    fg::cuda::free(again, 0);
    check_memory_invariants(0);
  }
  empty_cache();
  CHECK(private_bytes() == 0);
  CHECK(memory_reserved(0) == reserved);
}

TEST_CASE("memory pool: streams of one capture share it, others do not") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream(), joined = Stream::from_pool(), apart = Stream::from_pool();
  MemoryPool pool(0);
  std::vector<void*> blocks;
  pool.begin(stream);
  capture(stream, [&] {
    joined.wait_stream(stream);
    for (const Stream& each : {stream, joined, apart}) {
      const StreamGuard guard(each);
      blocks.push_back(allocate(100, 0));
    }
    stream.wait_stream(joined);
  });
  pool.end(stream);
  CHECK(private_bytes() == 4 * kMiB);
  for (void* block : blocks) fg::cuda::free(block, 0);
}

TEST_CASE("memory pool: blocks in use outlive the handle") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream();
  const StreamGuard guard(stream);
  void* data = nullptr;
  {
    MemoryPool pool(0);
    pool.begin(stream);
    data = allocate(3 * kMiB, 0);
  }
  empty_cache();
  CHECK(private_bytes() == 20 * kMiB);
  CUDA_CHECK(cudaMemset(data, 7, size_t(3 * kMiB)));
  fg::cuda::free(data, 0);
  empty_cache();
  CHECK(private_bytes() == 0);
  void* const plain = allocate(100, 0);  // the dead pool takes no more
  CHECK(private_bytes() == 0);
  fg::cuda::free(plain, 0);
}

TEST_CASE("memory pool: nothing that would break a capture happens during one") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream(), joined = Stream::from_pool();
  const StreamGuard guard(stream);
  void* const before = allocate(6 * kMiB, 0);
  void* const cached = allocate(25 * kMiB, 0);
  fg::cuda::free(cached, 0);
  MemoryPool pool(0);
  pool.begin(stream);
  capture(stream, [&] {
    joined.wait_stream(stream);
    record_stream(before, 0, joined);
    fg::cuda::free(before,
                   0);  // to be marked by an event later: one of a captured stream cannot be asked
    fg::cuda::free(allocate(5 * kMiB, 0), 0);
    cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
    CUDA_CHECK(cudaThreadExchangeStreamCaptureMode(&mode));
    CHECK(mode == cudaStreamCaptureModeGlobal);  // relaxed for cudaMalloc only
    empty_cache();
    CHECK(memory_stats(0).active_bytes.all.current >= 6 * kMiB);
    CHECK_THROWS_AS(allocate(int64_t(1) << 50, 0), fg::OutOfMemoryError);
    stream.wait_stream(joined);
  });
  pool.end(stream);
  HeldStream held(joined);
  void* const meanwhile = allocate(6 * kMiB, 0);  // from `cached`
  CHECK(meanwhile != before);
  held.release();
  CHECK(allocate(6 * kMiB, 0) == before);
  fg::cuda::free(before, 0);
  fg::cuda::free(meanwhile, 0);
  check_memory_invariants(0);
}

TEST_CASE("memory pool: begin and end come in pairs") {
  if (!require_gpu()) return;
  const Stream stream = Stream::from_pool();
  MemoryPool pool(0), other(0);
  pool.begin(stream);
  CHECK_THROWS_WITH_AS(other.begin(stream),
                       "MemoryPool: stream must not have a memory pool already", fg::Error);
  CHECK_THROWS_AS(other.end(stream), fg::Error);
  pool.end(stream);
  CHECK_THROWS_WITH_AS(pool.end(stream),
                       "MemoryPool: end must follow begin of the same stream and pool", fg::Error);
}

TEST_CASE("allocator: FUSEGRAD_CUDA_NO_CACHE gives every block its own cudaMalloc") {
  if (!require_gpu()) return;
  setenv("FUSEGRAD_CUDA_NO_CACHE", "1", 1);
  DeviceAllocator allocator(0);
  unsetenv("FUSEGRAD_CUDA_NO_CACHE");
  void* const a = allocator.allocate(100, nullptr);
  void* const b = allocator.allocate(3 * kMiB + 1, nullptr);
  CHECK(allocator.stats().reserved_bytes.all.current == 100 + 3 * kMiB + 1);
  CHECK(allocator.stats().num_device_alloc == 2);
  const Stream other = Stream::from_pool();
  allocator.record_stream(a, other);
  allocator.free(a);
  allocator.free(b);
  synchronize(0);
  allocator.empty_cache();
  CHECK(allocator.stats().reserved_bytes.all.current == 0);
  CHECK(allocator.stats().active_bytes.all.current == 0);
  CHECK(allocator.stats().num_device_free == 2);
}

TEST_CASE("storage: CUDA memory has an index, grows and goes back") {
  if (!require_gpu()) return;
  const int64_t before = memory_allocated(0);
  {
    fg::StorageImpl storage(1000, fg::kCUDA);
    CHECK(storage.device() == fg::Device("cuda:0"));
    CHECK(memory_allocated(0) == before + 1024);
    CUDA_CHECK(cudaMemset(storage.data(), 5, 1000));
    storage.grow(5000);
    CHECK(storage.nbytes() == 5000);
    CHECK(to_host(storage.data(), 1000) == std::vector<char>(1000, 5));
  }
  CHECK(memory_allocated(0) == before);
  CHECK(fg::StorageImpl(0, fg::kCUDA).data() == nullptr);
  CHECK_THROWS_AS(fg::StorageImpl(8, fg::Device(fg::kCUDA, 99)), fg::Error);
}

TEST_CASE("storage: memory that was outgrown waits for the copy out of it") {
  if (!require_gpu()) return;
  const Stream stream = fresh_stream(), side = Stream::from_pool();
  const StreamGuard guard(stream);
  fg::StorageImpl storage(1000, fg::kCUDA);
  void* const outgrown = storage.data();
  {
    const StreamGuard on_side(side);
    fg::cuda::free(allocate(5000, 0), 0);  // so that growing needs no cudaMalloc
    HeldStream held(side);
    storage.grow(5000);
    const StreamGuard back(stream);
    void* const other = allocate(1000, 0);
    CHECK(other != outgrown);
    held.release();
    void* const reused = allocate(1000, 0);
    CHECK(reused == outgrown);
    fg::cuda::free(other, 0);
    fg::cuda::free(reused, 0);
  }
}

TEST_CASE("storage: adopted CUDA memory goes to its deleter alone") {
  if (!require_gpu()) return;
  void* const data = allocate(512, 0);
  const int64_t allocated = memory_allocated(0);
  int deleted = 0;
  {
    const fg::StorageImpl storage(data, 512, fg::kCUDA,
                                  [&](void* mine) { deleted += mine == data; });
    CHECK(storage.device().index() == 0);
  }
  CHECK(deleted == 1);
  CHECK(memory_allocated(0) == allocated);
  fg::cuda::free(data, 0);
}
