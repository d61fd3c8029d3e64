// CPU kernels of pointwise chains, as templates over the chain.
#pragma once

#include "tensor/cpu/simd_math.h"
// simd_math.h must come before any loop that calls math.
#include <array>
#include <cstring>
#include <vector>

#include "tensor/cpu/parallel.h"
#include "tensor/kernels/chain_launchers.h"
#include "tensor/tensor.h"

namespace fg::cpu {

namespace chain_detail {

inline constexpr int64_t kBlock = 256;  // elements that one loop takes
inline constexpr int64_t kPadded = 64;  // remainders are padded to multiples of this, whole vectors

inline int64_t padded(int64_t count) { return (count + kPadded - 1) / kPadded * kPadded; }

/// One block: elements, incoming gradients, results and channel operands, each kBlock long.
template <class C, class T>
struct Block {
  static constexpr size_t operands = size_t(C::num_channel_operands);
  // Zero-length arrays are no C++; a chain without operands never touches these.
  static constexpr size_t slots = operands > 0 ? operands : 1;
  alignas(64) T x[kBlock], g[kBlock], out[kBlock];
  alignas(64) T c[slots][kBlock], grad_c[slots][kBlock];

  /// y = chain(x) for `count` elements; operand k is at c[k], one value per element if `along`, else one.
  void forward(const C& chain, T* y, const T* from, const T* const* operand, bool along,
               int64_t count) {
    load_operands(operand, along, count);
    constexpr auto all = std::make_index_sequence<operands>();
    if (count % kPadded == 0) return forward(chain, y, from, count, all);
    load(x, from, count, padded(count));
    forward(chain, out, x, padded(count), all);
    std::memcpy(y, out, size_t(count) * sizeof(T));
  }
  /// grad_x for `count` elements; their contributions to the operands' gradients stay in grad_c.
  void backward(const C& chain, T* grad_x, const T* grad_y, const T* from, const T* const* operand,
                bool along, int64_t count) {
    load_operands(operand, along, count);
    constexpr auto all = std::make_index_sequence<operands>();
    if (count % kPadded == 0) return backward(chain, grad_x, grad_y, from, count, all);
    load(x, from, count, padded(count));
    load(g, grad_y, count, padded(count));
    backward(chain, out, g, x, padded(count), all);
    std::memcpy(grad_x, out, size_t(count) * sizeof(T));
  }
  /// Pairwise sum of the first `count` contributions to operand k.
  T sum(size_t k, int64_t count) {
    for (int64_t i = count; i < kBlock; ++i) grad_c[k][i] = T(0);
    for (int64_t width = kBlock / 2; width > 0; width /= 2)
      for (int64_t i = 0; i < width; ++i) grad_c[k][i] += grad_c[k][i + width];
    return grad_c[k][0];
  }

 private:
  static void load(T* to, const T* from, int64_t count, int64_t padded_count) {
    std::memcpy(to, from, size_t(count) * sizeof(T));
    // Padding repeats a real value, so that no loop sees a number the user did not pass.
    for (int64_t i = count; i < padded_count; ++i) to[i] = from[0];
  }
  void load_operands(const T* const* operand, bool along, int64_t count) {
    for (size_t k = 0; k < operands; ++k) load(c[k], operand[k], along ? count : 1, padded(count));
  }
  // Operands are spelled out rather than looped over: an inner loop would keep these from vectorising.
  template <size_t... k>
  void forward(const C& chain, T* y, const T* from, int64_t padded_count,
               std::index_sequence<k...>) {
#pragma omp simd
    for (int64_t i = 0; i < padded_count; ++i) {
      const T element[slots] = {c[k][i]...};
      y[i] = chain.forward(from[i], element);
    }
  }
  template <size_t... k>
  void backward(const C& chain, T* grad_x, const T* grad_y, const T* from, int64_t padded_count,
                std::index_sequence<k...>) {
#pragma omp simd
    for (int64_t i = 0; i < padded_count; ++i) {
      const T element[slots] = {c[k][i]...};
      T contribution[slots];
      grad_x[i] = chain.backward(grad_y[i], from[i], element, contribution);
      ((grad_c[k][i] = contribution[k]), ...);
    }
  }
};

/// Where the channel operands begin, moved on by `offset` channels.
template <class C, class T>
struct OperandPointers {
  const T* at[Block<C, T>::slots] = {};

  OperandPointers() = default;
  explicit OperandPointers(const std::vector<Tensor>& operands) {
    for (size_t k = 0; k < Block<C, T>::operands; ++k) at[k] = operands[k].data_ptr<T>();
  }
  OperandPointers operator+(int64_t offset) const {
    OperandPointers moved;
    for (size_t k = 0; k < Block<C, T>::operands; ++k) moved.at[k] = at[k] + offset;
    return moved;
  }
};

inline int64_t blocks_of(int64_t n) { return (n + kBlock - 1) / kBlock; }

/// Visits the blocks of a contiguous (rows, row_size) array whose rows are cut separately:
/// body(row, position in the row, element count).
template <class Body>
void for_each_block(int64_t rows, int64_t row_size, const Body& body) {
  const int64_t per_row = blocks_of(row_size);
  parallel_for(0, rows * per_row, kGrain / kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t at = unit % per_row * kBlock;
      body(unit / per_row, at, std::min(kBlock, row_size - at));
    }
  });
}

}  // namespace chain_detail

// Channels lie along a block when inner is 1, and are constant in it otherwise.
template <class C>
void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,
                   const C& chain) {
  dispatch_float_double(x.dtype(), "chain", [&]<class T>() {
    using Block = chain_detail::Block<C, T>;
    const int64_t channels = x.size(1), inner = x.size(2);
    const bool along = inner == 1;
    const int64_t rows = along ? x.size(0) : x.size(0) * channels;
    const int64_t row_size = along ? channels : inner;
    const chain_detail::OperandPointers<C, T> c(operands);
    chain_detail::for_each_block(rows, row_size, [&](int64_t row, int64_t at, int64_t count) {
      Block block;
      const int64_t offset = row * row_size + at;
      block.forward(chain, y.data_ptr<T>() + offset, x.data_ptr<T>() + offset,
                    (c + (along ? at : row % channels)).at, along, count);
    });
  });
}

// Contributions are summed within blocks and then over the blocks in order, whatever the number of threads.
template <class C>
void chain_backward(const Tensor& grad_x, const std::vector<Tensor>& grad_operands, const Tensor& g,
                    const Tensor& x, const std::vector<Tensor>& operands, const C& chain) {
  dispatch_float_double(x.dtype(), "chain backward", [&]<class T>() {
    using Block = chain_detail::Block<C, T>;
    const int64_t outer = x.size(0), channels = x.size(1), inner = x.size(2);
    const bool along = inner == 1;
    // Along channels a task owns a band of channels and adds over the rows; otherwise a task is one
    // block of one plane, whose sums are added up below.
    const int64_t per_plane = chain_detail::blocks_of(inner);
    std::vector<T> sums(along ? 0 : size_t(outer * channels * per_plane) * operands.size());
    const chain_detail::OperandPointers<C, T> c(operands);
    const auto run = [&](Block& block, int64_t offset, int64_t channel, int64_t count) {
      block.backward(chain, grad_x.data_ptr<T>() + offset, g.data_ptr<T>() + offset,
                     x.data_ptr<T>() + offset, (c + channel).at, along, count);
    };
    if (along) {
      for (const Tensor& t : grad_operands) std::memset(t.data_ptr(), 0, size_t(t.nbytes()));
      chain_detail::for_each_block(1, channels, [&](int64_t, int64_t at, int64_t count) {
        Block block;
        for (int64_t o = 0; o < outer; ++o) {
          run(block, o * channels + at, at, count);
          for (size_t k = 0; k < operands.size(); ++k) {
            T* const total = grad_operands[k].data_ptr<T>() + at;
            for (int64_t i = 0; i < count; ++i) total[i] += block.grad_c[k][i];
          }
        }
      });
      return;
    }
    chain_detail::for_each_block(
        outer * channels, inner, [&](int64_t plane, int64_t at, int64_t count) {
          Block block;
          run(block, plane * inner + at, plane % channels, count);
          const int64_t unit = plane * per_plane + at / chain_detail::kBlock;
          for (size_t k = 0; k < operands.size(); ++k)
            sums[size_t(unit) * operands.size() + k] = block.sum(k, count);
        });
    for (size_t k = 0; k < operands.size(); ++k) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        double total = 0;
        for (int64_t o = 0; o < outer; ++o)
          for (int64_t b = 0; b < per_plane; ++b) {
            const int64_t unit = (o * channels + channel) * per_plane + b;
            total += sums[size_t(unit) * operands.size() + k];
          }
        grad_operands[k].data_ptr<T>()[channel] = T(total);
      }
    }
  });
}

}  // namespace fg::cpu
