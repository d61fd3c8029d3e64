// Host emulation of CUDA: a stack of its own for each thread that waits.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)
#define ASAN_UNPOISON_MEMORY_REGION(address, size)
#endif

namespace cuda_host {

constexpr size_t kStackBytes = 256 * 1024;

/// A stack that threads of the running block use, one at a time. It goes through threads that never wait
/// without a switch; one that waits keeps it.
class Worker {
 public:
  explicit Worker(void (*body)()) {
    boost::context::protected_fixedsize_stack allocator(kStackBytes);
    const boost::context::stack_context stack = allocator.allocate();
    bytes_ = stack.size;
    bottom_ = static_cast<char*>(stack.sp) - bytes_;
    fiber_ = boost::context::fiber(std::allocator_arg,
                                   boost::context::preallocated(stack.sp, stack.size, stack),
                                   allocator, [this, body](boost::context::fiber&& caller) {
                                     entered(nullptr);
                                     caller_ = std::move(caller);
                                     body();
                                     return std::move(caller_);
                                   });
  }

  /// From the scheduler: goes on until the worker leaves.
  void resume() {
    void* fake_stack = nullptr;
    leaving(&fake_stack, bottom_, bytes_);
    fiber_ = std::move(fiber_).resume();
    entered(fake_stack);
  }

  /// From the worker: back to the scheduler, until resumed.
  void leave() {
    void* fake_stack = nullptr;
    leaving(&fake_stack, caller_bottom_, caller_bytes_);
    caller_ = std::move(caller_).resume();
    entered(fake_stack);
  }

 private:
  // AddressSanitizer must know which stack is in use.
#ifdef __SANITIZE_ADDRESS__
  void leaving(void** fake_stack, const void* bottom, size_t bytes) {
    __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
  }
  void entered(void* fake_stack) {
    const void* bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &bytes);
    if (bottom != bottom_) {
      caller_bottom_ = bottom;
      caller_bytes_ = bytes;
    }
  }
#else
  void leaving(void**, const void*, size_t) {}
  void entered(void*) {}
#endif

  boost::context::fiber fiber_;
  boost::context::fiber caller_;
  const void* bottom_ = nullptr;
  size_t bytes_ = 0;
  const void* caller_bottom_ = nullptr;
  size_t caller_bytes_ = 0;
};

}  // namespace cuda_host
