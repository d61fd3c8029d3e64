// Where the build has CUDA and the machine has no GPU: everything that needs one says why there is none.
#include <doctest/doctest.h>

#include "cuda/allocator.h"
#include "cuda/event.h"
#include "cuda/pinned.h"
#include "tensor/storage.h"
#include "tests/gpu.h"

using namespace fg::cuda;

namespace {

template <class Call>
void check_says_why(const char* name, Call&& call) {
  CAPTURE(name);
  std::string text;
  try {
    call();
  } catch (const fg::Error& error) {
    text = error.what();
  }
  CAPTURE(text);
  CHECK(text.find(driver_answer()) != std::string::npos);
}

}  // namespace

TEST_CASE("no GPU: the driver's answer is in every error") {
  if (is_available()) return skip_case("there is a GPU");
  CHECK(device_count() == 0);
  const std::string answer = driver_answer();
  CAPTURE(answer);
  CHECK(answer.find(" (cudaError") != std::string::npos);
  CHECK(answer.find("), driver ") != std::string::npos);
  CHECK(answer.find(", runtime ") != std::string::npos);
  check_says_why("current_device", [] { current_device(); });
  check_says_why("set_device", [] { set_device(0); });
  check_says_why("synchronize", [] { synchronize(); });
  check_says_why("device_properties", [] { device_properties(); });
  check_says_why("DeviceGuard", [] { DeviceGuard(fg::DeviceIndex(0)); });
  check_says_why("current_stream", [] { current_stream(); });
  check_says_why("from_pool", [] { Stream::from_pool(); });
  check_says_why("Event", [] { Event().record(); });
  check_says_why("allocate", [] { allocate(8, 0); });
  check_says_why("memory_allocated", [] { memory_allocated(); });
  check_says_why("MemoryPool", [] { MemoryPool(); });
  check_says_why("allocate_pinned", [] { allocate_pinned(8); });
  check_says_why("storage", [] { fg::StorageImpl(8, fg::kCUDA); });
  check_says_why("storage", [] { fg::StorageImpl(8, fg::Device("cuda:0")); });
}

TEST_CASE("no GPU: what needs none works") {
  if (is_available()) return skip_case("there is a GPU");
  int value = 0;
  CHECK_FALSE(is_pinned(&value));
  free_pinned(&value);
  fg::cuda::free(&value, 0);
  fg::cuda::free(nullptr, 0);
  empty_cache();
  empty_pinned_cache();
}
