// The multi-tensor optimizer step: one launch per 256 parameters of one dtype and number of states, and of one dtype
// of 16-bit copies, or none: they are written with the parameters.
//
// A block takes one chunk of one tensor (tensor_chunks.cuh) in one pass, in packs of 16 bytes where all of the
// tensor's pointers are aligned. Everything is updated in place. Bytes: parameter and states read and written once,
// the gradient read once, the copy written once. Elements are independent, so the result depends on no launch shape.
// 16-bit types compute in float.

#include <algorithm>
#include <utility>

#include "cuda/kernels/row_packs.cuh"
#include "cuda/kernels/tensor_chunks.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/optim.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxUpdates = 32;  // different hyper-parameters per launch

/// Its chunks are one pack per thread: blocks that walk further keep more rows of the memory's banks open, one for
/// each array, and reached 0.94 of a copy's speed for 1.0.
template <class T, class Update, int kStates, class Cast>
struct Table {
  static constexpr int kPointers = 2 + kStates + (std::is_void_v<Cast> ? 0 : 1);
  using Tensors = TensorChunks<kPointers, kThreads * kFullPack<T>>;
  Tensors tensors;  // parameter, gradient, states, copy
  uint8_t update[Tensors::kMaxTensors];
  Update updates[kMaxUpdates];
  const Update* device_updates[kMaxUpdates];  // not null: in place of updates
  int num_updates = 0;
  const float* found_inf = nullptr;
};

/// kWidth elements at `at`, of `kPointers` tensors.
template <class T, class Cast, int kWidth, class Update, int kPointers>
__device__ __forceinline__ void update_pack(const Update& update, void* const (&data)[kPointers],
                                            int64_t at) {
  using P = Pack<T, kWidth>;
  constexpr bool kCasts = !std::is_void_v<Cast>;
  constexpr int kStates = kPointers - 2 - (kCasts ? 1 : 0);
  P packs[2 + kStates];
#pragma unroll
  for (int k = 0; k < 2 + kStates; ++k)
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
  for (int k = 0; k < 2 + kStates; ++k)
    if (k != 1) *reinterpret_cast<P*>(static_cast<T*>(data[k]) + at) = packs[k];
  if constexpr (kCasts) {
    Pack<Cast, kWidth> casts;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) casts.at[j] = Cast(packs[0].at[j]);
    *reinterpret_cast<Pack<Cast, kWidth>*>(static_cast<Cast*>(data[2 + kStates]) + at) = casts;
  }
}

template <class T, class Update, int kStates, class Cast>
__global__ void __launch_bounds__(kThreads)
    optim_step_kernel(const __grid_constant__ Table<T, Update, kStates, Cast> table) {
  constexpr int kWidth = kFullPack<T>;
  if (table.found_inf && *table.found_inf != 0) return;
  const int tensor = table.tensors.tensor_of(blockIdx.x);
  const int number = table.update[tensor];
  const Update* const captured = table.device_updates[number];
  const Update update = captured ? *captured : table.updates[number];
  const Chunk<Table<T, Update, kStates, Cast>::kPointers> chunk(table.tensors, tensor, kWidth);
  for (int64_t i = chunk.begin + threadIdx.x * kWidth; i < chunk.packs_end; i += kThreads * kWidth)
    update_pack<T, Cast, kWidth>(update, chunk.data, i);
  for (int64_t i = chunk.packs_end + threadIdx.x; i < chunk.end; i += kThreads)
    update_pack<T, Cast, 1>(update, chunk.data, i);
}

/// The number of the item's update in the table, added if it is new; -1 when there is no room.
template <class Table, class Update>
int update_number(Table& table, const ParamUpdate<Update>& item) {
  for (int i = table.num_updates; i-- > 0;)
    if (table.device_updates[i] == item.device_update && table.updates[i] == item.update) return i;
  if (table.num_updates == kMaxUpdates) return -1;
  table.updates[table.num_updates] = item.update;
  table.device_updates[table.num_updates] = item.device_update;
  return table.num_updates++;
}

template <class T, class Update, int kStates, class Cast>
void launch_table(Table<T, Update, kStates, Cast>& table) {
  launch(optim_step_kernel<T, Update, kStates, Cast>,
         {dim3(table.tensors.chunks()), dim3(kThreads)}, table);
  table.tensors.count = table.num_updates = 0;
}

/// Whether `item` is for a table of these.
template <class T, int kStates, class Cast, class Update>
bool belongs(const ParamUpdate<Update>& item) {
  if (item.param.dtype() != scalar_type_of<T> || item.num_states != kStates) return false;
  if constexpr (std::is_void_v<Cast>)
    return !item.cast.defined();
  else
    return item.cast.defined() && item.cast.dtype() == scalar_type_of<Cast>;
}

/// Runs the updates of dtype T that have kStates states and a copy of type Cast, or none if that is void.
template <class T, int kStates, class Cast, class Update>
void run(const std::vector<ParamUpdate<Update>>& updates) {
  Table<T, Update, kStates, Cast> table;
  static_assert(sizeof table <= 32764);
  for (const ParamUpdate<Update>& item : updates) {
    const int64_t numel = item.param.numel();
    if (!belongs<T, kStates, Cast>(item) || numel == 0) continue;
    int number = update_number(table, item);
    if (number < 0 || !table.tensors.has_room(numel)) {
      launch_table(table);
      number = update_number(table, item);
    }
    const int i = table.tensors.add(numel);
    void** const data = table.tensors.data[i];
    data[0] = item.param.data_ptr();
    data[1] = item.grad.data_ptr();
    for (int s = 0; s < kStates; ++s) data[2 + s] = item.states[size_t(s)].data_ptr();
    if (item.cast.defined()) data[2 + kStates] = item.cast.data_ptr();
    table.update[i] = uint8_t(number);
    table.found_inf = item.found_inf;
  }
  launch_table(table);
}

template <class Update, size_t... I>
constexpr bool takes_states(std::index_sequence<I...>) {
  return requires(Update update, float& x) { update(x, x, ((void)I, x)...); };
}

/// Calls run for each number of states that Update takes.
template <class T, class Update, int kStates = 0>
void run_all_states(const std::vector<ParamUpdate<Update>>& updates) {
  if constexpr (kStates <= int(ParamUpdate<Update>::kMaxStates)) {
    if constexpr (takes_states<Update>(std::make_index_sequence<kStates>())) {
      run<T, kStates, void>(updates);
      if constexpr (std::is_same_v<T, float>) {
        run<T, kStates, Half>(updates);
        run<T, kStates, BFloat16>(updates);
      }
    }
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
