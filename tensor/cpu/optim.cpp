// The multi-tensor optimizer step: all parameters are cut into blocks, which threads take side by side, and each block
// is one pass over the parameter, its gradient and its state.
#include "tensor/kernels/optim.h"

#include <algorithm>
#include <utility>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

/// A block's arrays stay in the second-level cache together; small parameters make one block each.
constexpr int64_t kBlock = 16384;

struct Block {
  size_t item;
  int64_t begin;
  int64_t end;
};

template <class T, class Update, size_t... I>
void run_block(const ParamUpdate<Update>& item, const Block& block, std::index_sequence<I...>) {
  const Update update = item.update;  // a copy cannot alias what the loop writes
  T* const param = item.param.template data_ptr<T>();
  const T* const grad = item.grad.template data_ptr<T>();
  const std::array<T*, sizeof...(I)> states{item.states[I].template data_ptr<T>()...};
#pragma omp simd
  for (int64_t i = block.begin; i < block.end; ++i) update(param[i], grad[i], states[I][i]...);
}

/// Turns the number of state tensors into a compile-time count, for those counts that Update takes.
template <class T, class Update, size_t kStates = 0>
void run_block(const ParamUpdate<Update>& item, const Block& block) {
  if constexpr (kStates <= ParamUpdate<Update>::kMaxStates) {
    if (item.num_states != kStates) return run_block<T, Update, kStates + 1>(item, block);
    [&]<size_t... I>(std::index_sequence<I...> states) {
      if constexpr (requires(T & x) { item.update(x, x, ((void)I, x)...); })
        run_block<T>(item, block, states);
    }
    (std::make_index_sequence<kStates>());
  }
}

template <class Update>
void step(const std::vector<ParamUpdate<Update>>& updates) {
  std::vector<Block> blocks;
  for (size_t item = 0; item < updates.size(); ++item) {
    const int64_t numel = updates[item].param.numel();
    for (int64_t begin = 0; begin < numel; begin += kBlock)
      blocks.push_back({item, begin, std::min(begin + kBlock, numel)});
  }
  parallel_for(0, int64_t(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const Block& block = blocks[size_t(b)];
      const ParamUpdate<Update>& item = updates[block.item];
      dispatch_float_double(item.param.scalar_type(), "optim_step",
                            [&]<class T>() { run_block<T>(item, block); });
    }
  });
}

}  // namespace

#define X(Update) \
  void optim_step(const std::vector<ParamUpdate<Update>>& updates) { step(updates); }
FOR_EACH_OPTIM_UPDATE(X)
#undef X

}  // namespace fg::cpu
