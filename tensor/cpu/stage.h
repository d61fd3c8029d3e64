// Fused stages on the CPU: the batch goes through producer and tail in slabs, so that the gradient of the
// pre-activation, and in inference the pre-activation, is never there as a whole.
#pragma once

#include "tensor/cpu/stage_tails.h"
#include "tensor/kernels/linear.h"
#include "tensor/kernels/matmul.h"
#include "tensor/kernels/reduce.h"

namespace fg::cpu {

namespace stage_detail {

/// Calls body(the tensors of a slab, whether it is the first) for the slabs of the batch in order. Slabs depend on
/// the shape alone.
template <class P, class Body>
void for_each_slab(const StageTensors& t, const P& producer, const Body& body) {
  constexpr int64_t kSmall = 64 * 1024;  // elements for which slabs save nothing worth their loops
  const int64_t batch = t.inputs[0].size(0);
  int64_t numel = 1;
  for (const int64_t extent : producer.result_sizes(t.inputs)) numel *= extent;
  const int64_t step = numel <= kSmall ? batch : producer.samples_at_once(batch);
  for (int64_t begin = 0; begin < batch; begin += step) {
    const auto cut = [&](Tensor& whole) {
      if (!whole.defined()) return;
      const int64_t each = whole.size(0) / batch;  // statistics have several rows per sample
      whole = whole.narrow(0, begin * each, std::min(step, batch - begin) * each);
    };
    StageTensors part = t;
    for (Tensor* whole : {&part.y, &part.z, &part.grad_y}) cut(*whole);
    for (Tensor& statistic : part.statistics) cut(statistic);
    for (size_t i = 0; i < P::num_batched; ++i) {
      cut(part.inputs[i]);
      if (!part.grad_inputs.empty()) cut(part.grad_inputs[i]);
    }
    body(part, begin == 0);
  }
}

inline void produce(const Tensor& z, const StageTensors& t, stage::Conv producer) {
  producer.geometry.batch = z.size(0);
  auto* const run = producer.transposed ? &conv_input_grad : &conv_forward;
  run(z, t.inputs[0], t.inputs[1], t.inputs[2], producer.geometry);
}
inline void produce(const Tensor& z, const StageTensors& t, const stage::Linear&) {
  linear_forward(z, t.inputs[0], t.inputs[1], t.inputs[2], LinearActivation::None, {});
}
inline void produce(const Tensor& z, const StageTensors& t, const stage::Sum&) {
  dispatch_float_double(z.dtype(), "stage", [&]<class T>() {
    const T *a = t.inputs[0].data_ptr<T>(), *b = t.inputs[1].data_ptr<T>();
    T* const sum = z.data_ptr<T>();
    parallel_chunks(z.numel(), [&](int64_t, int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) sum[i] = a[i] + b[i];
    });
  });
}

template <class T>
void add(const Tensor& total, const Tensor& part) {
  T* const sum = total.data_ptr<T>();
  const T* const addend = part.data_ptr<T>();
  for (int64_t i = 0; i < total.numel(); ++i) sum[i] += addend[i];
}

/// Runs compute(tensor) on `grad` for the first slab; later ones are added to it.
template <class T, class Compute>
void accumulate(const Tensor& grad, bool is_first, const Compute& compute) {
  if (!grad.defined()) return;
  if (is_first) return compute(grad);
  const Tensor part = empty(grad.sizes(), grad.options());
  compute(part);
  add<T>(grad, part);
}

template <class T>
void produce_backward(const StageTensors& t, const Tensor& grad_z, bool is_first,
                      stage::Conv producer) {
  ConvGeometry& g = producer.geometry;
  g.batch = grad_z.size(0);
  if (t.grad_inputs[0].defined()) {
    auto* const run = producer.transposed ? &conv_forward : &conv_input_grad;
    run(t.grad_inputs[0], grad_z, t.inputs[1], {}, g);
  }
  accumulate<T>(t.grad_inputs[1], is_first, [&](const Tensor& grad) {
    if (producer.transposed)
      conv_weight_grad(grad, t.inputs[0], grad_z, g);
    else
      conv_weight_grad(grad, grad_z, t.inputs[0], g);
  });
  accumulate<T>(t.grad_inputs[2], is_first, [&](const Tensor& grad) {
    const Tensor z = cube(grad_z);
    const T* const x = z.data_ptr<T>();
    std::vector<double> sums(size_t(z.size(1))), unused(size_t(z.size(1)));
    channel_sums<T>(z.size(0), z.size(1), z.size(2), sums.data(), unused.data(),
                    [&](int64_t, int64_t, int64_t i) { return Terms<T>{x[i]}; });
    std::copy(sums.begin(), sums.end(), grad.data_ptr<T>());
  });
}

template <class T>
void produce_backward(const StageTensors& t, const Tensor& grad_z, bool, const stage::Linear&) {
  const Tensor &grad_x = t.grad_inputs[0], &grad_weight = t.grad_inputs[1];
  if (grad_x.defined()) batched_matmul(grad_x, grad_z, t.inputs[1], 1, 0);
  if (grad_weight.defined()) {
    linear_weight_grad(grad_weight, t.grad_inputs[2], grad_z, t.inputs[0]);
  } else if (t.grad_inputs[2].defined()) {
    reduce(t.grad_inputs[2].unsqueeze(0), grad_z.unsqueeze(0), ReduceKind::sum);
  }
}

template <class T>
void produce_backward(const StageTensors& t, const Tensor& grad_z, bool, const stage::Sum&) {
  for (const Tensor& grad : t.grad_inputs)
    if (grad.defined()) std::memcpy(grad.data_ptr(), grad_z.data_ptr(), size_t(grad_z.nbytes()));
}

}  // namespace stage_detail

template <class Producer, class Tail>
void stage_forward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  dispatch_float_double(t.y.dtype(), "stage", [&]<class T>() {
    stage_detail::for_each_slab(t, producer, [&](const StageTensors& part, bool) {
      const Tensor z =
          part.z.defined() ? part.z : empty(producer.result_sizes(part.inputs), part.y.options());
      stage_detail::produce(z, part, producer);
      stage_detail::tail_forward<T>(part, z, tail);
    });
  });
}

template <class Producer, class Tail>
void stage_backward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  dispatch_float_double(t.grad_y.dtype(), "stage backward", [&]<class T>() {
    stage_detail::OperandSums sums(t.operands.size());
    for (size_t k = 0; k < sums.size(); ++k)
      if (t.grad_operands[k].defined()) sums[k].resize(size_t(t.grad_operands[k].numel()));
    if (t.inputs[0].size(0) == 0)
      for (const Tensor& grad : t.grad_inputs)
        if (grad.defined()) std::memset(grad.data_ptr(), 0, size_t(grad.nbytes()));
    stage_detail::for_each_slab(t, producer, [&](const StageTensors& part, bool is_first) {
      const DimVector sizes = producer.result_sizes(part.inputs);
      Tensor z = part.z;
      if (Tail::reads_result && !z.defined()) {
        z = empty(sizes, part.grad_y.options());
        stage_detail::produce(z, part, producer);
      }
      const Tensor grad_z = empty(sizes, part.grad_y.options());
      stage_detail::tail_backward<T>(grad_z, sums, part, z, tail);
      stage_detail::produce_backward<T>(part, grad_z, is_first, producer);
    });
    for (size_t k = 0; k < sums.size(); ++k)
      if (t.grad_operands[k].defined())
        std::copy(sums[k].begin(), sums[k].end(), t.grad_operands[k].data_ptr<T>());
  });
}

}  // namespace fg::cpu
