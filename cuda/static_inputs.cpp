#include "cuda/static_inputs.h"

#include <algorithm>
#include <utility>

#include "cuda/allocator.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg::cuda {
namespace {

// As the allocator's blocks, so that kernels take the same paths as on tensors of their own.
constexpr int64_t kAlignment = 512;

}  // namespace

StaticInputs::Packed StaticInputs::pack(const std::vector<Tensor>& like,
                                        const TensorOptions& options) {
  std::vector<int64_t> places;
  int64_t bytes = 0;
  for (const Tensor& x : like) {
    places.push_back(bytes);
    bytes += (x.nbytes() + kAlignment - 1) / kAlignment * kAlignment;
  }
  Packed packed{empty({bytes}, options.dtype(kByte)), {}};
  for (size_t i = 0; i < like.size(); ++i) {
    const Tensor& x = like[i];
    packed.tensors.push_back(Tensor(make_intrusive<TensorImpl>(
        packed.bytes.storage(), DimVector(x.sizes().begin(), x.sizes().end()),
        contiguous_strides(x.sizes()), places[i] / x.element_size(), x.dtype())));
  }
  return packed;
}

StaticInputs::StaticInputs(const std::vector<Tensor>& inputs, Device device)
    : copies_(Stream::from_pool(false, device.index())),
      user_(current_stream(device.index())),
      inputs_(pack(inputs, device)) {}

bool StaticInputs::check(const std::vector<Tensor>& inputs, const char* op) const {
  const std::vector<Tensor>& own = tensors();
  bool fits = inputs.size() == own.size();
  ENSURE(fits || !op, op, ": inputs must be ", own.size(), " tensors, got ", inputs.size());
  for (size_t i = 0; fits && i < own.size(); ++i) {
    const Tensor &x = inputs[i], &expected = own[i];
    ENSURE(x.defined() || !op, op, ": input ", i, " must be defined");
    fits = x.defined() && x.dtype() == expected.dtype() && x.sizes() == expected.sizes() &&
           (x.is_cpu() || x.device() == expected.device());
    ENSURE(fits || !op, op, ": input ", i, " must be ", expected.dtype(), " of shape ",
           expected.sizes(), " on ", expected.device(), " or cpu, got ", x.dtype(), " of shape ",
           x.sizes(), " on ", x.device());
  }
  return fits;
}

void StaticInputs::fill(const std::vector<Tensor>& inputs) {
  const Stream current = current_stream(copies_.device_index());
  if (!(current == user_)) {
    current.wait_stream(user_);
    record_stream(inputs_.bytes, current);
    user_ = current;
  }
  const auto is_host = [](const Tensor& x) { return x.is_cpu() && x.numel() > 0; };
  const bool any = std::any_of(inputs.begin(), inputs.end(), is_host);
  const bool all = any && std::all_of(inputs.begin(), inputs.end(), is_host);
  Stage& from = stages_[next_stage_];
  if (any) stage(from, inputs);
  if (all) {
    inputs_.bytes.copy_(from.device.bytes);
  } else {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].is_same(tensors()[i])) continue;
      tensors()[i].copy_(is_host(inputs[i]) ? from.device.tensors[i] : inputs[i]);
      // The caller may drop it at once, and it may be of another stream.
      if (!inputs[i].is_cpu()) record_stream(inputs[i], current);
    }
  }
  if (!any) return;
  from.consumed.record(current);
  next_stage_ = 1 - next_stage_;
}

// Queues the copies of what is on the host, and lets the current stream wait for them.
void StaticInputs::stage(Stage& stage, const std::vector<Tensor>& inputs) {
  const Stream current = current_stream(copies_.device_index());
  {
    const StreamGuard guard(copies_);
    if (!stage.device.bytes.defined())
      stage.device = pack(tensors(), TensorOptions(inputs_.bytes.device()));
    copies_.wait_event(stage.consumed);
    bool has_waited = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].is_cpu()) continue;
      Tensor source = inputs[i];
      if (!source.is_contiguous() || !source.is_pinned()) {
        // The host may be two steps ahead of the GPU, no more.
        if (!std::exchange(has_waited, true)) stage.copied.synchronize();
        if (!stage.host.bytes.defined())
          stage.host = pack(tensors(), TensorOptions(kCPU).pinned_memory(true));
        source = stage.host.tensors[i].copy_(source);
      }
      stage.device.tensors[i].copy_(source, /*non_blocking=*/true);
    }
    stage.copied.record(copies_);
  }
  current.wait_event(stage.copied);
  record_stream(stage.device.bytes, current);
}

}  // namespace fg::cuda
