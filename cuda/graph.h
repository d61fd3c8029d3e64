// CUDA graphs, in PyTorch's terms (torch.cuda.CUDAGraph): work is captured once, and replayed as a whole by one
// call, which costs the host a few microseconds whatever the number of kernels.
//
//   cuda::Graph graph;
//   Tensor y;
//   graph.capture([&] { y = model->forward(x); });  // after a run outside, so that plans and states exist
//   x.copy_(next);                                  // the graph reads what is in x when it is replayed
//   graph.replay();
//
// A replay runs the captured kernels on the captured addresses. Tensors made during the capture live in a memory
// pool of the graph's; each replay overwrites them. What the host decides is decided at the capture, except what
// is made for replays: random draws go on with their generator's stream, as if each replay had been run without
// a graph, and optimizers read their options and count their steps anew (optim/optimizer.h).
//
// What makes the host wait for the GPU cannot be captured: item(), nonzero and masks as indices, copies from or to
// pageable memory, synchronize. Such an op throws an fg::Error that names it, and the capture ends.
#pragma once

#include <functional>
#include <memory>

#include "cuda/allocator.h"
#include "tensor/generator.h"

struct CUgraphExec_st;

namespace fg::cuda {

class Capture;

/// Whose calls end a capture when they are of a kind that may wait for the GPU, such as cudaMalloc: those of every
/// thread, of the capturing thread, or nobody's. PyTorch's capture_error_mode.
enum class CaptureErrorMode { every_thread, this_thread, relaxed };

class Graph {
 public:
  Graph();
  /// Queued replays are run all the same.
  ~Graph();
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;

  /// Captures what `body` queues on capture_stream(), which starts after the current one; nothing runs. Memory
  /// comes from `pool`, by default a new one; graphs that share a pool must not run at once, and a replay of one
  /// may overwrite what the others made. When `body` throws, its capture ends, this graph is as before begin, and
  /// the program can go on.
  void capture(const std::function<void()>& body, const optional<MemoryPool>& pool = nullopt,
               CaptureErrorMode mode = CaptureErrorMode::every_thread);

  /// One stream per device, for captures and for what runs before them (-1: the current device); another one while a
  /// thread captures there. Captures that share a pool reuse its memory when they are made on one stream.
  static Stream capture_stream(DeviceIndex device = -1);

  /// The same in two parts. Captures what the calling thread queues on the current stream, which must not be the
  /// default one, until capture_end on that stream. A graph can be captured again after reset().
  void capture_begin(const optional<MemoryPool>& pool = nullopt,
                     CaptureErrorMode mode = CaptureErrorMode::every_thread);
  void capture_end();

  /// Queues the captured work on the current stream. Throws what kernels of earlier replays have reported
  /// (cuda/report.h), as every launch does.
  void replay();
  /// Gives up the captured work, or the capture that goes on, and the pool.
  void reset();

  /// Whether capture_end has been.
  bool is_captured() const { return executable_ != nullptr; }
  /// For other graphs to share. Throws before capture_begin.
  MemoryPool pool() const;
  /// Of kernels, copies and fills in a replay.
  int64_t num_nodes() const { return num_nodes_; }
  /// Call before the capture for each generator that captured work draws from, besides the default one.
  void register_generator(const Generator& generator);

 private:
  struct Recording;

  DeviceIndex device_ = -1;
  optional<MemoryPool> pool_;
  std::vector<Generator> generators_;
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<Recording> recording_;  // between capture_begin and capture_end
  CUgraphExec_st* executable_ = nullptr;
  int64_t num_nodes_ = 0;
};

}  // namespace fg::cuda
