#include "tensor/cpu/elementwise.h"

#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"
#include "tensor/iteration.h"
#include "tensor/kernels/fill.h"
#include "tensor/shape.h"

namespace fg::cpu {
namespace {

constexpr int64_t kBlock = 512;  // elements staged at a time: eight operands fit the L1 cache
constexpr size_t kMaxOperands = IterationSpace::kMaxOperands;

// The iteration space and what each operand brings to it; strides in elements.
struct Plan {
  struct Entry {
    char* data;
    ScalarType type;
    ScalarType loop_type;
    int64_t item;
    int64_t loop_item;
    DimVector strides;
    bool linear;  // element i of the space lies at data + i
    bool direct() const { return type == loop_type; }
  };
  DimVector sizes;
  std::vector<Entry> entries;
  int64_t numel;
  int64_t inner;
  bool all_linear = true;

  explicit Plan(std::span<const Operand> operands) {
    std::vector<const Tensor*> tensors;
    for (const Operand& op : operands) tensors.push_back(&op.tensor);
    const IterationSpace space(tensors);
    sizes = space.sizes;
    numel = space.numel;
    inner = sizes.back();
    const DimVector dense = contiguous_strides(sizes);
    for (size_t k = 0; k < operands.size(); ++k) {
      const Operand& op = operands[k];
      const bool linear = op.tensor.dtype() == op.loop_type && space.strides[k] == dense;
      entries.push_back({static_cast<char*>(op.tensor.data_ptr()), op.tensor.dtype(), op.loop_type,
                         element_size(op.tensor.dtype()), element_size(op.loop_type),
                         space.strides[k], linear});
      all_linear &= linear;
    }
  }
};

// Splits [start, start + count) of the linear space into runs of the innermost dim and calls
// visit(element offset of the run, its length, position in the block).
template <class Visit>
void for_each_run(const Plan& plan, const DimVector& strides, int64_t start, int64_t count,
                  const Visit& visit) {
  const size_t rank = plan.sizes.size();
  DimVector index(rank);
  int64_t offset = 0;
  int64_t rest = start;
  for (size_t d = rank; d-- > 0;) {
    index[d] = rest % plan.sizes[d];
    rest /= plan.sizes[d];
    offset += index[d] * strides[d];
  }
  for (int64_t done = 0; done < count;) {
    const int64_t n = std::min(count - done, plan.inner - index[rank - 1]);
    visit(offset, n, done);
    done += n;
    offset -= index[rank - 1] * strides[rank - 1];
    index[rank - 1] = 0;
    for (size_t d = rank - 1; d-- > 0;) {
      offset += strides[d];
      if (++index[d] < plan.sizes[d]) break;
      offset -= strides[d] * plan.sizes[d];
      index[d] = 0;
    }
  }
}

void stage_in(const Plan& plan, const Plan::Entry& e, int64_t start, int64_t count, int64_t padded,
              char* buffer) {
  const int64_t step = e.strides.back();
  for_each_run(plan, e.strides, start, count, [&](int64_t offset, int64_t n, int64_t at) {
    convert_run(e.loop_type, buffer + at * e.loop_item, 1, e.type, e.data + offset * e.item, step,
                n);
  });
  // Padding repeats a real value, so that no loop sees a number the user did not pass.
  if (padded > count)
    convert_run(e.loop_type, buffer + count * e.loop_item, 1, e.loop_type, buffer, 0,
                padded - count);
}

void stage_out(const Plan& plan, const Plan::Entry& e, int64_t start, int64_t count, char* buffer) {
  const int64_t step = e.strides.back();
  for_each_run(plan, e.strides, start, count, [&](int64_t offset, int64_t n, int64_t at) {
    convert_run(e.type, e.data + offset * e.item, step, e.loop_type, buffer + at * e.loop_item, 1,
                n);
  });
}

class Runner {
 public:
  Runner(const Plan& plan, ContiguousLoop loop, const void* functor)
      : plan_(plan), loop_(loop), functor_(functor) {}

  void run(int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end;) at += block(at, end);
  }

 private:
  // Runs one block that starts at `at`; returns its length.
  int64_t block(int64_t at, int64_t end) {
    int64_t count = end - at;
    const int64_t to_row_end = plan_.inner - at % plan_.inner;
    const bool in_row = plan_.all_linear || to_row_end >= kLoopMultiple;
    if (!plan_.all_linear) count = std::min({count, kBlock, in_row ? to_row_end : kBlock});
    const bool whole = count >= kLoopMultiple;
    if (whole) count -= count % kLoopMultiple;
    const int64_t padded = whole ? count : kLoopMultiple;

    char* pointers[kMaxOperands];
    for (size_t k = 0; k < plan_.entries.size(); ++k) {
      const Plan::Entry& e = plan_.entries[k];
      if (whole && e.linear)
        pointers[k] = e.data + at * e.item;
      else if (whole && in_row && e.direct() && e.strides.back() == 1)
        pointers[k] = row_pointer(e, at);
      else
        pointers[k] = staged(k, e, at, count, padded);
    }
    loop_(functor_, pointers, padded);
    if (pointers[0] == buffers_[0]) stage_out(plan_, plan_.entries[0], at, count, buffers_[0]);
    return count;
  }

  char* row_pointer(const Plan::Entry& e, int64_t at) {
    char* result = nullptr;
    for_each_run(plan_, e.strides, at, 1,
                 [&](int64_t offset, int64_t, int64_t) { result = e.data + offset * e.item; });
    return result;
  }

  char* staged(size_t k, const Plan::Entry& e, int64_t at, int64_t count, int64_t padded) {
    if (k > 0) stage_in(plan_, e, at, count, padded, buffers_[k]);
    return buffers_[k];
  }

  const Plan& plan_;
  ContiguousLoop loop_;
  const void* functor_;
  alignas(64) char buffers_[kMaxOperands][kBlock * sizeof(int64_t)];
};

// An input that runs across the output's memory order costs a cache miss per element when it is staged
// run by run; beyond this size a tiled copy into that order comes first.
constexpr int64_t kSmallestReordered = 16384;

bool runs_across(const Tensor& out, const Tensor& in) {
  if (in.numel() != out.numel() || out.numel() < kSmallestReordered || !out.is_contiguous())
    return false;
  const DimVector strides = broadcast_strides(in, out.sizes());
  return strides.back() > 1 && std::find(strides.begin(), strides.end(), 1) != strides.end();
}

void run_planned(std::span<const Operand> operands, ContiguousLoop loop, const void* functor) {
  const Plan plan(operands);
  // Pieces start at multiples of the loop width, so that only the last one needs padding.
  const int64_t units = (plan.numel + kLoopMultiple - 1) / kLoopMultiple;
  parallel_for(0, units, kGrain / kLoopMultiple, [&](int64_t begin, int64_t end) {
    Runner(plan, loop, functor)
        .run(begin * kLoopMultiple, std::min(end * kLoopMultiple, plan.numel));
  });
}

}  // namespace

void run_elementwise(std::span<const Operand> operands, ContiguousLoop loop, const void* functor) {
  const Tensor& out = operands[0].tensor;
  if (out.numel() == 0) return;
  const auto across = [&](const Operand& op) { return runs_across(out, op.tensor); };
  if (std::none_of(operands.begin() + 1, operands.end(), across))
    return run_planned(operands, loop, functor);
  std::vector<Tensor> reordered;
  reordered.reserve(operands.size());
  std::vector<Operand> replaced(operands.begin(), operands.begin() + 1);
  for (const Operand& op : operands.subspan(1)) {
    if (across(op)) {
      reordered.push_back(empty(op.tensor.sizes(), TensorOptions(op.loop_type)));
      copy(reordered.back(), op.tensor);
      replaced.push_back({reordered.back(), op.loop_type});
    } else {
      replaced.push_back(op);
    }
  }
  run_planned(replaced, loop, functor);
}

}  // namespace fg::cpu
