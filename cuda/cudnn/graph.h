// cuDNN's graph API from an operation graph to a plan that runs: engines by heuristics, their notes, plans.
#pragma once

#include <memory>
#include <optional>

#include "cuda/cudnn/descriptor.h"
#include "cuda/cudnn/tensor_shape.h"
#include "tensor/dtype.h"

namespace fg::cuda::cudnn {

cudnnDataType_t data_type(ScalarType type);

/// What plans are made for: the device of a handle or, where none is needed because nothing will run, the
/// properties of a device.
struct Target {
  cudnnHandle_t handle = nullptr;
  const Descriptor* properties = nullptr;
};
/// A device's properties from JSON, as cuDNN writes them.
Descriptor device_properties(const std::string& json);

/// What a graph's tensor is: memory that a run is given the address of; a value between two operations, which is
/// never stored; a number, given with each run as an address on the host.
enum class TensorKind : int8_t { Stored, Between, Number };

struct GraphTensor {
  int64_t id;
  cudnnDataType_t type;
  TensorShape shape;
  TensorKind kind = TensorKind::Stored;
  /// Bytes that divide the address.
  int64_t alignment = 16;
};

/// y = mode(x, b, t); b and t may be null. BINARY_SELECT is t ? x : b; GEN_INDEX counts along `axis`.
struct PointwiseOperation {
  cudnnPointwiseMode_t mode;
  cudnnDataType_t precision;
  const Descriptor* y;
  const Descriptor* x;
  const Descriptor* b = nullptr;
  const Descriptor* t = nullptr;
  int64_t axis = -1;
};

/// A finalized graph of operations together with the descriptors that it was made from.
struct OperationGraph {
  std::vector<Descriptor> parts;
  Descriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};

  /// Adds a descriptor to `parts`, to be filled and finalized by the caller. Reserve `parts` first: the
  /// returned reference is one into it.
  Descriptor& add(cudnnBackendDescriptorType_t type) { return parts.emplace_back(type); }
  Descriptor& add_tensor(const GraphTensor& tensor);
  Descriptor& add_pointwise(const PointwiseOperation& operation);
  /// Finalizes the graph of the given operations.
  void finish(const Target& target, std::span<const cudnnBackendDescriptor_t> operations);
};

/// Engines for a graph with the settings that cuDNN's heuristics give them, the most promising first.
std::vector<Descriptor> engine_configs(const OperationGraph& graph, const Target& target,
                                       cudnnBackendHeurMode_t mode);
/// What an engine does to the numbers: tensor cores, rounded inputs, sums in varying order.
std::vector<cudnnBackendNumericalNote_t> numerical_notes(const Descriptor& engine_config);

/// An engine ready to run a graph. Not for two threads at once.
class Plan {
 public:
  /// Nothing where the engine cannot run this graph on this device after all.
  static std::shared_ptr<const Plan> build(std::shared_ptr<const OperationGraph> graph,
                                           Descriptor engine_config, const Target& target);

  int64_t workspace_bytes() const { return workspace_bytes_; }
  /// Queues the plan on the handle's stream. `pointers[i]` is the memory of the tensor with the unique id
  /// `ids[i]`; `workspace` has workspace_bytes().
  void run(cudnnHandle_t handle, std::span<const int64_t> ids, std::span<void* const> pointers,
           void* workspace) const;

 private:
  Plan(std::shared_ptr<const OperationGraph> graph, Descriptor engine_config, Descriptor plan);

  std::shared_ptr<const OperationGraph> graph_;
  Descriptor engine_config_, plan_;
  int64_t workspace_bytes_;
};

}  // namespace fg::cuda::cudnn
