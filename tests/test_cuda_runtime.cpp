// Devices, streams, events and pinned memory.
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "cuda/event.h"
#include "cuda/nvtx.h"
#include "cuda/pinned.h"
#include "tests/gpu.h"
#include "tests/held_stream.h"

using namespace fg::cuda;
using fg::DeviceIndex;

TEST_CASE("device: what is there") {
  if (!require_gpu()) return;
  CHECK(device_count() >= 1);
  CHECK(driver_answer().empty());
  CHECK(current_device() == 0);
  const DeviceProperties& properties = device_properties();
  CHECK_FALSE(properties.name.empty());
  CHECK(properties.major >= 1);
  CHECK(properties.multiprocessors >= 1);
  CHECK(properties.total_bytes > 0);
  CHECK(properties.max_shared_bytes_per_block >= 48 * 1024);
  CHECK(&properties == &device_properties(0));
  synchronize();
}

TEST_CASE("device: indices are checked") {
  if (!require_gpu()) return;
  const std::string text =
      fg::str("cuda: device index must be in [0, ", device_count(), "), got 100");
  CHECK_THROWS_WITH_AS(set_device(100), text.c_str(), fg::Error);
  CHECK_THROWS_WITH_AS(synchronize(100), text.c_str(), fg::Error);
  CHECK_THROWS_WITH_AS(device_properties(100), text.c_str(), fg::Error);
  CHECK_THROWS_WITH_AS(DeviceGuard{DeviceIndex(100)}, text.c_str(), fg::Error);
  CHECK_THROWS_WITH_AS(Stream::from_pool(false, 100), text.c_str(), fg::Error);
  CHECK_THROWS_AS(set_device(-2), fg::Error);
  CHECK(fg::Device("cuda").resolved() == fg::Device("cuda:0"));
  CHECK(fg::Device("cpu").resolved() == fg::kCPU);
  CHECK_THROWS_WITH_AS(fg::Device("cuda:100").resolved(), text.c_str(), fg::Error);
}

TEST_CASE("device: guards nest and restore, exceptions or not") {
  if (!require_gpu()) return;
  {
    const DeviceGuard none(DeviceIndex(-1)), cpu{fg::Device(fg::kCPU)};
    CHECK(current_device() == 0);
  }
  if (device_count() < 2) return skip_case("there is one GPU only");
  try {
    const DeviceGuard outer(DeviceIndex(1));
    CHECK(current_device() == 1);
    CHECK(fg::Device("cuda").resolved() == fg::Device("cuda:1"));
    const DeviceGuard inner(fg::Device("cuda:0"));
    CHECK(current_device() == 0);
    throw 1;
  } catch (int) {
  }
  CHECK(current_device() == 0);
  set_device(1);
  std::thread([] { CHECK(current_device() == 0); }).join();  // of the thread, not of the process
  CHECK(current_device() == 1);
  {
    const StreamGuard guard(Stream::from_pool(false, 0));
    CHECK(current_device() == 0);
  }
  CHECK(current_device() == 1);
  set_device(0);
}

TEST_CASE("stream: 32 to a pool, in turn") {
  if (!require_gpu()) return;
  std::set<NativeStream> normal, high;
  const Stream first = Stream::from_pool();
  for (int i = 0; i < 32; ++i) {
    normal.insert(Stream::from_pool().native());
    high.insert(Stream::from_pool(true).native());
  }
  CHECK(normal.size() == 32);
  CHECK(high.size() == 32);
  CHECK(normal.count(first.native()) == 1);
  for (NativeStream stream : high) CHECK(normal.count(stream) == 0);
  int of_normal = 0, of_high = 0;
  CUDA_CHECK(cudaStreamGetPriority(*normal.begin(), &of_normal));
  CUDA_CHECK(cudaStreamGetPriority(*high.begin(), &of_high));
  CHECK(of_high < of_normal);
}

TEST_CASE("stream: the current one belongs to the thread") {
  if (!require_gpu()) return;
  CHECK(current_stream() == Stream::default_stream());
  CHECK(current_stream().native() == nullptr);
  const Stream stream = Stream::from_pool();
  {
    const StreamGuard guard(stream);
    CHECK(current_stream() == stream);
    CHECK(current_stream(0) == stream);
    std::thread([] { CHECK(current_stream() == Stream::default_stream()); }).join();
    {
      const StreamGuard inner(Stream::default_stream());
      CHECK(current_stream() == Stream::default_stream());
    }
    CHECK(current_stream() == stream);
  }
  CHECK(current_stream() == Stream::default_stream());
  set_current_stream(stream);
  CHECK(current_stream() == stream);
  set_current_stream(Stream::default_stream());
  const Stream foreign = Stream::from_native(stream.native(), 0);
  CHECK(foreign == stream);
}

TEST_CASE("stream: query, synchronize and capturing") {
  if (!require_gpu()) return;
  const Stream stream = Stream::from_pool();
  {
    HeldStream held(stream);
    CHECK_FALSE(stream.query());
    CHECK(cudaPeekAtLastError() == cudaSuccess);  // "not ready" is no error
  }
  CHECK(stream.query());
  stream.synchronize();
  CHECK_FALSE(stream.is_capturing());
  CHECK_FALSE(Stream::default_stream().is_capturing());
  CUDA_CHECK(cudaStreamBeginCapture(stream.native(), cudaStreamCaptureModeThreadLocal));
  CHECK(stream.is_capturing());
  cudaGraph_t graph = nullptr;
  CUDA_CHECK(cudaStreamEndCapture(stream.native(), &graph));
  CUDA_CHECK(cudaGraphDestroy(graph));
}

TEST_CASE("event: counts as done until recorded, then marks what was queued before") {
  if (!require_gpu()) return;
  const Stream a = Stream::from_pool(), b = Stream::from_pool();
  Event event;
  CHECK_FALSE(event.is_created());
  CHECK(event.query());
  event.synchronize();
  event.wait(a);
  HeldStream held(a);
  event.record(a);
  CHECK(event.is_created());
  CHECK(event.device_index() == 0);
  CHECK_FALSE(event.query());
  Event moved = std::move(event);
  CHECK_FALSE(event.is_created());
  CHECK_FALSE(moved.query());
  b.wait_event(moved);
  const Event behind = b.record_event();
  CHECK_FALSE(behind.query());  // b waits for a
  held.release();
  behind.synchronize();
  CHECK(behind.query());
  CHECK(moved.query());
  b.wait_stream(a);
  b.synchronize();
}

TEST_CASE("event: elapsed time") {
  if (!require_gpu()) return;
  const Stream stream = Stream::from_pool();
  Event start(true), end(true), untimed;
  CHECK_THROWS_WITH_AS(start.elapsed_time(end), "elapsed_time: both events must be recorded",
                       fg::Error);
  CHECK_THROWS_WITH_AS(start.elapsed_time(untimed),
                       "elapsed_time: both events must be made with timing", fg::Error);
  start.record(stream);
  start.synchronize();
  {
    HeldStream held(stream);
    end.record(stream);
    CHECK_THROWS_WITH_AS(start.elapsed_time(end),
                         "elapsed_time: both events must be done; synchronize the second one first",
                         fg::Error);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  end.synchronize();
#ifdef FUSEGRAD_CUDA_HOST
  CHECK(start.elapsed_time(end) >= 0);  // an emulated event is recorded at once
#else
  CHECK(start.elapsed_time(end) >= 4);
#endif
}

TEST_CASE("event: belongs to the device where it was first recorded") {
  if (!require_gpu()) return;
  if (device_count() < 2) return skip_case("there is one GPU only");
  const Stream first = Stream::from_pool(false, 0), second = Stream::from_pool(false, 1);
  Event event;
  event.record(second);
  CHECK(event.device_index() == 1);
  event.wait(first);  // of any device
  CHECK_THROWS_WITH_AS(
      event.record(first),
      "record: stream must be of device cuda:1 where the event was first recorded, "
      "got one of cuda:0",
      fg::Error);
  CHECK(current_device() == 0);
}

TEST_CASE("pinned: blocks are powers of two and are kept for reuse") {
  if (!require_gpu()) return;
  empty_pinned_cache();
  const PinnedMemoryStats before = pinned_memory_stats();
  char* const data = static_cast<char*>(allocate_pinned(1000));
  CHECK(pinned_memory_stats().allocated_bytes == before.allocated_bytes + 1024);
  CHECK(pinned_memory_stats().reserved_bytes == before.reserved_bytes + 1024);
  std::memset(data, 1, 1000);
  CHECK(is_pinned(data));
  CHECK(is_pinned(data + 999));
  int pageable = 0;
  CHECK_FALSE(is_pinned(&pageable));
  CHECK_FALSE(is_pinned(nullptr));
  void* foreign = nullptr;
  CUDA_CHECK(cudaMallocHost(&foreign, 64));
  CHECK(is_pinned(foreign));
  CUDA_CHECK(cudaFreeHost(foreign));
  free_pinned(data);
  CHECK(pinned_memory_stats().allocated_bytes == before.allocated_bytes);
  void* const again = allocate_pinned(1024);
  CHECK(again == data);
  free_pinned(again);
  free_pinned(again);      // twice, and
  free_pinned(&pageable);  // what was never ours, is let pass
  void* const once = allocate_pinned(1024);
  void* const other = allocate_pinned(1024);
  CHECK(once != other);
  free_pinned(once);
  free_pinned(other);
  empty_pinned_cache();
  CHECK(pinned_memory_stats().reserved_bytes == before.reserved_bytes);
  CHECK(allocate_pinned(0) == nullptr);
  CHECK_THROWS_AS(allocate_pinned(-1), fg::Error);
}

TEST_CASE("pinned: a block that a copy uses waits for it") {
  if (!require_gpu()) return;
  const Stream a = Stream::from_pool(), b = Stream::from_pool();
  char* const data = static_cast<char*>(allocate_pinned(5000));
  void* const spare = allocate_pinned(5000);
  free_pinned(spare);
  HeldStream held_a(a), held_b(b);
  record_pinned_stream(data + 100, a);  // from the middle
  record_pinned_stream(data, b);
  free_pinned(data);
  CHECK(allocate_pinned(5000) == spare);
  held_b.release();
  void* const third = allocate_pinned(5000);
  CHECK(third != data);
  held_a.release();
  CHECK(allocate_pinned(5000) == data);
  for (void* block : {static_cast<void*>(data), spare, third}) free_pinned(block);
  empty_pinned_cache();
}

TEST_CASE("pinned: a block in a captured graph is never reused") {
  if (!require_gpu()) return;
  empty_pinned_cache();
  const Stream stream = Stream::from_pool();
  void* const data = allocate_pinned(3000);
  CUDA_CHECK(cudaStreamBeginCapture(stream.native(), cudaStreamCaptureModeGlobal));
  record_pinned_stream(data, stream);
  free_pinned(data);
  void* const other = allocate_pinned(3000);
  cudaGraph_t graph = nullptr;
  CUDA_CHECK(cudaStreamEndCapture(stream.native(), &graph));
  CUDA_CHECK(cudaGraphDestroy(graph));
  CHECK(other != data);
  CHECK(allocate_pinned(3000) != data);
  CHECK(is_pinned(data));
}

#ifdef FUSEGRAD_CUDA_HOST  // otherwise nothing tells
TEST_CASE("nvtx: ranges nest and end") {
  const int outside = cuda_host::nvtx_depth;
  {
    const Range outer("outer");
    const Range inner("inner");
    CHECK(cuda_host::nvtx_depth == outside + 2);
  }
  CHECK(cuda_host::nvtx_depth == outside);
}
#endif
