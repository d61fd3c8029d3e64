// The tails of fused stages on the CPU: each plane or row is read once, goes through the chain into a buffer
// that stays in the cache, and is pooled or normalised there.
#pragma once

#include "tensor/cpu/chain.h"
// chain.h must come first: it declares the vector forms of math.
#include "tensor/cpu/norm_parameters.h"
#include "tensor/cpu/pool_window.h"
#include "tensor/cpu/row_norm.h"
#include "tensor/cpu/row_softmax.h"
#include "tensor/kernels/stage.h"

namespace fg::cpu::stage_detail {

using chain_detail::kBlock;
using chain_detail::OperandPointers;

/// One array per operand: what the slabs of a batch add up.
using OperandSums = std::vector<std::vector<double>>;

/// y = chain(x) for `count` elements of one channel, or of `count` channels if `along`.
template <class C, class T>
void chain_span(const C& chain, T* y, const T* x, const OperandPointers<C, T>& c, bool along,
                int64_t count) {
  chain_detail::Block<C, T> block;
  for (int64_t at = 0; at < count; at += kBlock)
    block.forward(chain, y + at, x + at, (c + (along ? at : 0)).at, along,
                  std::min(kBlock, count - at));
}

/// The gradient of chain_span; `add(k, at, contribution)` gets each block's contributions to operand k: one per
/// channel if `along`, else their sum.
template <class C, class T, class Add>
void chain_span_backward(const C& chain, T* grad_x, const T* grad_y, const T* x,
                         const OperandPointers<C, T>& c, bool along, int64_t count,
                         const Add& add) {
  chain_detail::Block<C, T> block;
  for (int64_t at = 0; at < count; at += kBlock) {
    const int64_t size = std::min(kBlock, count - at);
    block.backward(chain, grad_x + at, grad_y + at, x + at, (c + (along ? at : 0)).at, along, size);
    for (size_t k = 0; k < block.operands; ++k) {
      if (!along) {
        add(k, int64_t(0), block.sum(k, size));
        continue;
      }
      for (int64_t i = 0; i < size; ++i) add(k, at + i, block.grad_c[k][i]);
    }
  }
}

inline Tensor cube(const Tensor& z) {
  const int64_t channels = z.dim() > 1 ? z.size(1) : 1;
  return z.view(
      {z.size(0), channels, numel_of(z.sizes().slice(size_t(std::min<int64_t>(2, z.dim()))))});
}

template <class T>
void add_to(OperandSums& sums, size_t k, const Tensor& part) {
  if (sums[k].empty()) return;
  for (size_t i = 0; i < sums[k].size(); ++i) sums[k][i] += double(part.data_ptr<T>()[i]);
}

template <class T, class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::Pointwise<C>& tail) {
  chain_forward(cube(t.y), cube(z), t.operands, tail.chain);
}

template <class T, class C>
void tail_backward(const Tensor& grad_z, OperandSums& sums, const StageTensors& t, const Tensor& z,
                   const stage::Pointwise<C>& tail) {
  std::vector<Tensor> parts;
  for (const Tensor& c : t.operands) parts.push_back(empty(c.sizes(), c.options()));
  chain_backward(cube(grad_z), parts, cube(t.grad_y), cube(z), t.operands, tail.chain);
  for (size_t k = 0; k < parts.size(); ++k) add_to<T>(sums, k, parts[k]);
}

/// The pool of a slab of the batch.
inline PoolGeometry planes_of(const Tensor& z, PoolGeometry g) {
  g.planes = z.size(0) * z.size(1);
  return g;
}

/// The offset in its plane of a window's first input; windows are side by side.
inline int64_t window_begin(const PoolGeometry& g, const PoolWindow& d, const PoolWindow& h,
                            const PoolWindow& w) {
  return (d.begin * g.input[1] + h.begin) * g.input[2] + w.begin;
}

template <class T, class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::MaxPooled<C>& tail) {
  const PoolGeometry g = planes_of(z, tail.geometry);
  const int64_t inputs = numel_of(g.input), outputs = numel_of(g.output), channels = z.size(1);
  const OperandPointers<C, T> c(t.operands);
  T* const z_largest = t.statistics[0].defined() ? t.statistics[0].data_ptr<T>() : nullptr;
  const stage::WindowIndex which(t.statistics[1]);
  for_each_plane(g, [&](int64_t plane) {
    std::vector<T> activated(static_cast<size_t>(inputs));
    const T* const x = z.data_ptr<T>() + plane * inputs;
    chain_span(tail.chain, activated.data(), x, c + plane % channels, false, inputs);
    const int64_t first = plane * outputs;
    for_each_largest(
        activated.data(), inputs, g,
        [&](int64_t at, const auto& d, const auto& h, const auto& w, T largest, int64_t offset) {
          t.y.data_ptr<T>()[first + at] = largest;
          if (!z_largest) return;
          z_largest[first + at] = x[offset];
          const int64_t depth = offset / (g.input[1] * g.input[2]) - d.begin;
          const int64_t height = offset / g.input[2] % g.input[1] - h.begin;
          which.set(first + at,
                    (depth * g.kernel[1] + height) * g.kernel[2] + (offset % g.input[2] - w.begin));
        });
  });
}

template <class T, class C>
void tail_backward(const Tensor& grad_z, OperandSums& sums, const StageTensors& t, const Tensor&,
                   const stage::MaxPooled<C>& tail) {
  const PoolGeometry g = planes_of(grad_z, tail.geometry);
  const int64_t inputs = numel_of(g.input), outputs = numel_of(g.output), channels = grad_z.size(1);
  const OperandPointers<C, T> c(t.operands);
  const stage::WindowIndex which(t.statistics[1]);
  const size_t num_operands = t.operands.size();
  std::vector<double> plane_sums(size_t(g.planes) * num_operands);
  for_each_plane(g, [&](int64_t plane) {
    std::vector<T> grad(static_cast<size_t>(outputs));
    const int64_t first = plane * outputs;
    double* const sum = plane_sums.data() + size_t(plane) * num_operands;
    chain_span_backward(tail.chain, grad.data(), t.grad_y.data_ptr<T>() + first,
                        t.statistics[0].data_ptr<T>() + first, c + plane % channels, false, outputs,
                        [&](size_t k, int64_t, T part) { sum[k] += double(part); });
    T* const out = grad_z.data_ptr<T>() + plane * inputs;
    std::fill(out, out + inputs, T(0));
    for_each_window(g, [&](int64_t at, const auto& d, const auto& h, const auto& w) {
      const int64_t index = which.get(first + at), line = index / g.kernel[2];
      const int64_t offset =
          (line / g.kernel[1] * g.input[1] + line % g.kernel[1]) * g.input[2] + index % g.kernel[2];
      out[window_begin(g, d, h, w) + offset] = grad[size_t(at)];
    });
  });
  for (size_t k = 0; k < num_operands; ++k)
    for (int64_t plane = 0; plane < g.planes && !sums[k].empty(); ++plane)
      sums[k][size_t(plane % channels)] += plane_sums[size_t(plane) * num_operands + k];
}

// The chain runs over a sample's groups at once: a group alone may be too short to fill a block.
template <class T, class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::RowNormed<C>& tail) {
  const NormShape shape = tail.shape(z);
  const int64_t channels = shape.channels, all = shape.all_channels();
  const size_t first = size_t(C::num_channel_operands);
  const Tensor scale = or_constant(t.operands[first], 1, all, z.dtype());
  const Tensor offset = or_constant(t.operands[first + 1], 0, all, z.dtype());
  const T *w = scale.data_ptr<T>(), *b = offset.data_ptr<T>();
  const OperandPointers<C, T> c(t.operands);
  parallel_for(0, shape.batch, grain_for(all), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      T* const y = t.y.data_ptr<T>() + n * all;
      chain_span(tail.chain, y, z.data_ptr<T>() + n * all, c, true, all);
      for (int64_t group = 0; group < shape.groups; ++group) {
        const int64_t row = n * shape.groups + group, start = group * channels;
        const Sums statistics = row_statistics(y + start, channels, tail.centered, tail.eps);
        const T mean = t.statistics[0].data_ptr<T>()[row] = T(statistics.first);
        const T rstd = t.statistics[1].data_ptr<T>()[row] = T(statistics.second);
#pragma omp simd
        for (int64_t i = start; i < start + channels; ++i)
          y[i] = (y[i] - mean) * rstd * w[i] + b[i];
      }
    }
  });
}

// Parts of the batch, whose number depends on its size alone, are added up in order: each on its own, then all.
template <class T, class C>
void tail_backward(const Tensor& grad_z, OperandSums& sums, const StageTensors& t, const Tensor& z,
                   const stage::RowNormed<C>& tail) {
  const NormShape shape = tail.shape(z);
  const int64_t channels = shape.channels, all = shape.all_channels();
  const int64_t parts = std::clamp<int64_t>(shape.batch, 1, 16);
  const size_t num_operands = t.operands.size(), first = size_t(C::num_channel_operands);
  const Tensor scale = or_constant(t.operands[first], 1, all, z.dtype());
  const OperandPointers<C, T> c(t.operands);
  // [part][operand][channel]
  std::vector<double> part_sums(size_t(parts * all) * num_operands);
  parallel_for(
      0, parts, 1 + kGrain / std::max<int64_t>(1, z.numel() / parts),
      [&](int64_t begin, int64_t end) {
        std::vector<T> activated(static_cast<size_t>(all)), grad(static_cast<size_t>(all));
        for (int64_t part = begin; part < end; ++part) {
          double* const sum = part_sums.data() + part * all * int64_t(num_operands);
          double *along = sum + int64_t(first) * all, *level = along + all;
          for (int64_t n = shape.batch * part / parts; n < shape.batch * (part + 1) / parts; ++n) {
            const T *x = z.data_ptr<T>() + n * all, *grad_y = t.grad_y.data_ptr<T>() + n * all;
            chain_span(tail.chain, activated.data(), x, c, true, all);
            for (int64_t group = 0; group < shape.groups; ++group) {
              const int64_t row = n * shape.groups + group, start = group * channels;
              const T mean = t.statistics[0].data_ptr<T>()[row];
              const T rstd = t.statistics[1].data_ptr<T>()[row];
              row_grad_x(grad.data() + start, grad_y + start, activated.data() + start, mean, rstd,
                         scale.data_ptr<T>() + start, shape, tail.centered);
              for (int64_t i = start; i < start + channels; ++i) {
                along[i] += double(grad_y[i] * ((activated[size_t(i)] - mean) * rstd));
                level[i] += double(grad_y[i]);
              }
            }
            chain_span_backward(
                tail.chain, grad_z.data_ptr<T>() + n * all, grad.data(), x, c, true, all,
                [&](size_t k, int64_t i, T add) { sum[int64_t(k) * all + i] += double(add); });
          }
        }
      });
  for (int64_t part = 0; part < parts; ++part)
    for (size_t k = 0; k < num_operands; ++k)
      for (size_t i = 0; i < sums[k].size(); ++i)
        sums[k][i] += part_sums[(size_t(part) * num_operands + k) * size_t(all) + i];
}

template <class T, class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::Logsumexp<C>& tail) {
  static_assert(C::num_channel_operands == 0);
  const int64_t rows = z.size(0), extent = z.size(1);
  T* const logs = t.statistics[0].data_ptr<T>();
  parallel_for(0, rows, grain_for(extent), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      logs[row] = row_logsumexp(z.data_ptr<T>() + row * extent, extent);
  });
  chain_span(tail.chain, t.y.data_ptr<T>(), logs, OperandPointers<C, T>(), false, rows);
}

template <class T, class C>
void tail_backward(const Tensor& grad_z, OperandSums&, const StageTensors& t, const Tensor& z,
                   const stage::Logsumexp<C>& tail) {
  const int64_t rows = z.size(0), extent = z.size(1);
  const T* const logs = t.statistics[0].data_ptr<T>();
  std::vector<T> grad(static_cast<size_t>(rows));
  chain_span_backward(tail.chain, grad.data(), t.grad_y.data_ptr<T>(), logs,
                      OperandPointers<C, T>(), false, rows, [](size_t, int64_t, T) {});
  parallel_for(0, rows, grain_for(extent), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T *x = z.data_ptr<T>() + row * extent, g = grad[size_t(row)], log = logs[row];
      T* const out = grad_z.data_ptr<T>() + row * extent;
#pragma omp simd
      for (int64_t i = 0; i < extent; ++i) out[i] = g * functors::exp(x[i] - log);
    }
  });
}

}  // namespace fg::cpu::stage_detail
