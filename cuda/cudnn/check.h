// cuDNN errors as fg::Error.
#pragma once

#include <string>

#include <cudnn.h>

namespace fg::cuda::cudnn {

/// cuDNN's reason for the calling thread's last failure: the check inside cuDNN that failed. The whole chain of them
/// is printed with CUDNN_LOGLEVEL_DBG=1 and CUDNN_LOGDEST_DBG=stderr in the environment.
std::string last_reason();

/// Throws fg::Error "call: CUDNN_STATUS_X, cuDNN's reason (cuDNN 9.y.z)" unless `status` is success. `call` says
/// what was asked of cuDNN; it may be a function that makes the text, called on failure only.
[[noreturn]] void fail(cudnnStatus_t status, const std::string& call);

inline void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS) [[unlikely]]
    fail(status, call);
}
template <class Text>
requires std::is_invocable_r_v<std::string, Text>
void check(cudnnStatus_t status, const Text& call) {
  if (status != CUDNN_STATUS_SUCCESS) [[unlikely]]
    fail(status, call());
}

}  // namespace fg::cuda::cudnn
