// cuDNN on one device: a handle per stream, and the plans made for the device.
#pragma once

#include <mutex>
#include <unordered_map>

#include "cuda/cudnn/attention_problem.h"
#include "cuda/cudnn/conv_problem.h"
#include "cuda/cudnn/graph.h"
#include "cuda/cudnn/rnn_problem.h"
#include "cuda/lru_cache.h"
#include "cuda/stream.h"

namespace fg::cuda::cudnn {

struct RnnSetup;
using ConvPlans = LruCache<ConvProblem, std::shared_ptr<const Plan>>;
using AttentionPlans = LruCache<AttentionProblem, std::shared_ptr<const Plan>>;

/// What is kept for one device. Never destroyed: at exit the driver may be gone before static objects.
struct DeviceState {
  std::mutex mutex;
  std::unordered_map<NativeStream, cudnnHandle_t> handles;
  /// A null plan says that cuDNN has none for the problem. The bound is far above what a network needs, because
  /// a captured graph may still launch the kernels of a plan that was dropped.
  ConvPlans heuristic_plans{4096}, measured_plans{4096};
  AttentionPlans heuristic_attention_plans{4096}, measured_attention_plans{4096};
  LruCache<RnnKey, std::shared_ptr<const RnnSetup>> rnn_setups{256};
};

/// The calling thread's exclusive use of cuDNN on the current device: neither handles nor plans may be used by
/// two threads at once. Short, since it only queues work.
class Session {
 public:
  Session();

  /// The handle of the current stream.
  cudnnHandle_t handle() const { return handle_; }
  const Stream& stream() const { return stream_; }
  Target target() const { return {handle_, nullptr}; }
  /// Plans that were measured, or those that cuDNN's heuristics put first.
  ConvPlans& conv_plans(bool measured) const {
    return measured ? state_.measured_plans : state_.heuristic_plans;
  }
  AttentionPlans& attention_plans(bool measured) const {
    return measured ? state_.measured_attention_plans : state_.heuristic_attention_plans;
  }
  LruCache<RnnKey, std::shared_ptr<const RnnSetup>>& rnn_setups() const {
    return state_.rnn_setups;
  }

 private:
  Stream stream_;
  DeviceState& state_;
  std::unique_lock<std::mutex> lock_;
  cudnnHandle_t handle_;
};

}  // namespace fg::cuda::cudnn
