// CUDA_CHECK: turns a CUDA runtime error into fg::Error.
#pragma once

#include <cuda_runtime.h>

#include "tensor/error.h"

namespace fg::cuda {

/// Throws fg::Error "call: text (name)" unless `status` is cudaSuccess; clears the runtime's last error.
void check(cudaError_t status, const char* call);

}  // namespace fg::cuda

#define CUDA_CHECK(call) ::fg::cuda::check((call), #call)
