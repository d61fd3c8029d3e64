// The multi-tensor optimizer step: the parameters are one long range of elements, which the threads
// share; each part is one pass over parameter, gradient and state. And the sum of squares of many tensors.
#include "tensor/kernels/optim.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "tensor/cpu/sums.h"
#include "tensor/factories.h"

namespace fg::cpu {
namespace {

template <class T, class Update, size_t... I>
void run(const ParamUpdate<Update>& item, int64_t begin, int64_t end, std::index_sequence<I...>) {
  const Update update = item.update;  // a copy cannot alias what the loop writes
  T* const param = item.param.template data_ptr<T>();
  const T* const grad = item.grad.template data_ptr<T>();
  const std::array<T*, sizeof...(I)> states{item.states[I].template data_ptr<T>()...};
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) update(param[i], grad[i], states[I][i]...);
}

/// Turns the number of state tensors into a compile-time count, for those counts that Update takes.
template <class T, class Update, size_t kStates = 0>
void run(const ParamUpdate<Update>& item, int64_t begin, int64_t end) {
  if constexpr (kStates <= ParamUpdate<Update>::kMaxStates) {
    if (item.num_states != kStates) return run<T, Update, kStates + 1>(item, begin, end);
    [&]<size_t... I>(std::index_sequence<I...> states) {
      if constexpr (requires(T & x) { item.update(x, x, ((void)I, x)...); })
        run<T>(item, begin, end, states);
    }
    (std::make_index_sequence<kStates>());
  }
}

template <class Update>
void step(const std::vector<ParamUpdate<Update>>& updates) {
  std::vector<int64_t> ends;  // of each parameter, in the long range
  int64_t total = 0;
  for (const auto& item : updates) ends.push_back(total += item.param.numel());
  parallel_for(0, total, kGrain, [&](int64_t begin, int64_t end) {
    auto i = size_t(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
    for (; begin < end; ++i) {
      const ParamUpdate<Update>& item = updates[i];
      const int64_t first = ends[i] - item.param.numel(), last = std::min(ends[i], end);
      dispatch_float_double(item.param.scalar_type(), "optim_step",
                            [&]<class T>() { run<T>(item, begin - first, last - first); });
      begin = last;
    }
  });
}

}  // namespace

#define X(Update) \
  void optim_step(const std::vector<ParamUpdate<Update>>& updates) { step(updates); }
FOR_EACH_OPTIM_UPDATE(X)
#undef X

Tensor sum_of_squares(const std::vector<Tensor>& tensors) {
  double total = 0;
  for (const Tensor& tensor : tensors) {
    dispatch_float_double(tensor.dtype(), "sum_of_squares", [&]<class T>() {
      const T* const x = tensor.const_data_ptr<T>();
      total += parallel_sums<double>(tensor.numel(), [x](int64_t i) {
                 return Terms<double>{double(x[i]) * double(x[i])};
               }).first;
    });
  }
  const Tensor result = empty({}, kDouble);
  *result.data_ptr<double>() = total;
  return result;
}

void unscale_and_check(const std::vector<Tensor>& grads, const Tensor& found_inf,
                       const Tensor& inv_scale) {
  const float factor = *inv_scale.data_ptr<float>();
  std::atomic<bool> all_finite{true};
  for (const Tensor& grad : grads) {
    dispatch_float_double(grad.dtype(), "unscale_and_check", [&]<class T>() {
      T* const x = grad.data_ptr<T>();
      parallel_for(0, grad.numel(), kGrain, [&](int64_t begin, int64_t end) {
        T zero = 0;  // x - x is 0 or, of what is not finite, NaN
#pragma omp simd reduction(+ : zero)
        for (int64_t i = begin; i < end; ++i) {
          zero += x[i] - x[i];
          x[i] *= T(factor);
        }
        if (zero != 0) all_finite = false;
      });
    });
  }
  if (!all_finite) *found_inf.data_ptr<float>() = 1;
}

void update_loss_scale(const Tensor& scale, const Tensor& growth_tracker, const Tensor& found_inf,
                       const LossScaleUpdate& update) {
  update(*scale.data_ptr<float>(), *growth_tracker.data_ptr<int32_t>(),
         *found_inf.data_ptr<float>());
}

}  // namespace fg::cpu
