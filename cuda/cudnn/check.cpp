#include "cuda/cudnn/check.h"

#include "tensor/error.h"

namespace fg::cuda::cudnn {

std::string last_reason() {
  char reason[2048] = "";
  cudnnGetLastErrorString(reason, sizeof(reason));
  return reason;
}

void fail(cudnnStatus_t status, const std::string& call) {
  const std::string reason = last_reason();
  const size_t version = cudnnGetVersion();
  throw Error(str(call, ": ", cudnnGetErrorString(status), reason.empty() ? "" : ", ", reason,
                  " (cuDNN ", version / 10000, '.', version / 100 % 100, '.', version % 100, ')'));
}

}  // namespace fg::cuda::cudnn
