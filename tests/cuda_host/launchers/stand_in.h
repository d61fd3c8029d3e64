// For launchers of the emulated GPU that call the CPU's kernels or ops where a real one calls a library.
#pragma once

#include <functional>
#include <utility>

#include "autograd/grad_mode.h"
#include "cuda/check.h"
#include "cuda/stream.h"
#include "tensor/factories.h"
#include "tests/cuda_host/internal.h"

namespace fg::cuda {

/// The emulated GPU's memory, which is the CPU's, as a CPU tensor. Does not own it, like a kernel's argument.
inline Tensor on_cpu(const Tensor& t) {
  return t.defined() ? from_blob(t.data_ptr(), t.sizes(), t.strides(), t.dtype()) : t;
}

/// Queues `work`, which may touch the GPU's memory, on the current stream.
inline void queue(std::function<void()> work) {
  CUDA_CHECK(cuda_host::submit(current_stream().native(), [work = std::move(work)] {
    const cuda_host::DeviceAccess access;
    const NoGradGuard no_grad;
    work();
  }));
}

}  // namespace fg::cuda
