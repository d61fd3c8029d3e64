#include "cuda/cudnn/check.h"

#include "tensor/error.h"

namespace fg::cuda::cudnn {

void fail(cudnnStatus_t status, const std::string& call) {
  // The reason of the thread's last failed call; it names the check inside cuDNN that failed.
  char reason[2048] = "";
  cudnnGetLastErrorString(reason, sizeof(reason));
  const size_t version = cudnnGetVersion();
  throw Error(str(call, ": ", cudnnGetErrorString(status), *reason ? ", " : "", reason, " (cuDNN ",
                  version / 10000, '.', version / 100 % 100, '.', version % 100, ')'));
}

}  // namespace fg::cuda::cudnn
