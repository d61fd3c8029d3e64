// The multi-tensor optimizer step: one launch per 256 parameters of one dtype and number of states.
//
// A block takes one chunk of one tensor (tensor_chunks.cuh) in one pass, in packs of 16 bytes where all of the
// tensor's pointers are aligned. Everything is updated in place. Bytes: parameter and states read and written once, the gradient read once. Elements are
// independent, so the result depends on no launch shape. 16-bit types compute in float.

#include <algorithm>
#include <utility>

#include "cuda/kernels/tensor_chunks.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/optim.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxUpdates = 32;  // different hyper-parameters per launch

template <class Update, int kStates>
struct Table {
  TensorChunks<2 + kStates> tensors;  // parameter, gradient, states
  uint8_t update[TensorChunks<2 + kStates>::kMaxTensors];
  Update updates[kMaxUpdates];
  const Update* device_updates[kMaxUpdates];  // not null: in place of updates
  int num_updates = 0;
};

/// kWidth elements at `at`, of `kPointers` tensors.
template <class T, int kWidth, class Update, int kPointers>
__device__ __forceinline__ void update_pack(const Update& update, void* const (&data)[kPointers],
                                            int64_t at) {
  using P = Pack<T, kWidth>;
  constexpr int kStates = kPointers - 2;
  P packs[kPointers];
#pragma unroll
  for (int k = 0; k < kPointers; ++k)
    packs[k] = *reinterpret_cast<const P*>(static_cast<const T*>(data[k]) + at);
#pragma unroll
  for (int j = 0; j < kWidth; ++j) {
    using C = Compute<T>;
    C param = C(packs[0].at[j]), states[kStates + 1];
#pragma unroll
    for (int s = 0; s < kStates; ++s) states[s] = C(packs[2 + s].at[j]);
    [&]<size_t... I>(std::index_sequence<I...>) { update(param, C(packs[1].at[j]), states[I]...); }
    (std::make_index_sequence<kStates>());
    packs[0].at[j] = T(param);
#pragma unroll
    for (int s = 0; s < kStates; ++s) packs[2 + s].at[j] = T(states[s]);
  }
#pragma unroll
  for (int k = 0; k < kPointers; ++k)
    if (k != 1) *reinterpret_cast<P*>(static_cast<T*>(data[k]) + at) = packs[k];
}

template <class T, class Update, int kStates>
__global__ void __launch_bounds__(kThreads)
    optim_step_kernel(const __grid_constant__ Table<Update, kStates> table) {
  constexpr int kWidth = kVectorBytes / int(sizeof(T));
  const int tensor = table.tensors.tensor_of(blockIdx.x);
  const int number = table.update[tensor];
  const Update* const captured = table.device_updates[number];
  const Update update = captured ? *captured : table.updates[number];
  const Chunk<2 + kStates> chunk(table.tensors, tensor, kWidth);
  for (int64_t i = chunk.begin + threadIdx.x * kWidth; i < chunk.packs_end; i += kThreads * kWidth)
    update_pack<T, kWidth>(update, chunk.data, i);
  for (int64_t i = chunk.packs_end + threadIdx.x; i < chunk.end; i += kThreads)
    update_pack<T, 1>(update, chunk.data, i);
}

/// The number of the item's update in the table, added if it is new; -1 when there is no room.
template <class Update, int kStates>
int update_number(Table<Update, kStates>& table, const ParamUpdate<Update>& item) {
  for (int i = table.num_updates; i-- > 0;)
    if (table.device_updates[i] == item.device_update && table.updates[i] == item.update) return i;
  if (table.num_updates == kMaxUpdates) return -1;
  table.updates[table.num_updates] = item.update;
  table.device_updates[table.num_updates] = item.device_update;
  return table.num_updates++;
}

template <class T, class Update, int kStates>
void launch_table(Table<Update, kStates>& table) {
  launch(optim_step_kernel<T, Update, kStates>, {dim3(table.tensors.chunks()), dim3(kThreads)},
         table);
  table.tensors.count = table.num_updates = 0;
}

/// Runs the updates of dtype T that have kStates states.
template <class T, class Update, int kStates>
void run(const std::vector<ParamUpdate<Update>>& updates) {
  static_assert(sizeof(Table<Update, kStates>) <= 32764);
  Table<Update, kStates> table;
  for (const ParamUpdate<Update>& item : updates) {
    const int64_t numel = item.param.numel();
    if (item.param.dtype() != scalar_type_of<T> || item.num_states != kStates || numel == 0)
      continue;
    int number = update_number(table, item);
    if (number < 0 || !table.tensors.has_room(numel)) {
      launch_table<T>(table);
      number = update_number(table, item);
    }
    const int i = table.tensors.add(numel);
    void** const data = table.tensors.data[i];
    data[0] = item.param.data_ptr();
    data[1] = item.grad.data_ptr();
    for (int s = 0; s < kStates; ++s) data[2 + s] = item.states[size_t(s)].data_ptr();
    table.update[i] = uint8_t(number);
  }
  launch_table<T>(table);
}

template <class Update, size_t... I>
constexpr bool takes_states(std::index_sequence<I...>) {
  return requires(Update update, float& x) { update(x, x, ((void)I, x)...); };
}

/// Calls run<T, Update, kStates> for each number of states that Update takes and some item has.
template <class T, class Update, int kStates = 0>
void run_all_states(const std::vector<ParamUpdate<Update>>& updates) {
  if constexpr (kStates <= int(ParamUpdate<Update>::kMaxStates)) {
    if constexpr (takes_states<Update>(std::make_index_sequence<kStates>()))
      run<T, Update, kStates>(updates);
    run_all_states<T, Update, kStates + 1>(updates);
  }
}

template <class Update>
void step(const std::vector<ParamUpdate<Update>>& updates) {
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    const auto has_type = [type](const auto& item) { return item.param.dtype() == type; };
    if (std::any_of(updates.begin(), updates.end(), has_type))
      dispatch_floating(type, "optim_step", [&]<class T>() { run_all_states<T>(updates); });
  }
}

}  // namespace

#define X(Update) \
  void optim_step(const std::vector<ParamUpdate<Update>>& updates) { step(updates); }
FOR_EACH_OPTIM_UPDATE(X)
#undef X

}  // namespace fg::cuda
