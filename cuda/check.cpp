#include "cuda/check.h"

namespace fg::cuda {

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) [[likely]]
    return;
  // A failed launch or allocation would otherwise be reported again by the next innocent call.
  cudaGetLastError();
  throw Error(str(call, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

}  // namespace fg::cuda
