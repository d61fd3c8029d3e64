// The thread-local switch behind fg::InferenceMode; here because every new tensor reads it.
#pragma once

namespace fg::detail {

inline thread_local bool inference_mode = false;

}  // namespace fg::detail
