// Reading planes at the points of a grid, on the CPU: the taps of a block of points are worked out
// once and then used for every channel.

#include "tensor/kernels/grid_sample.h"

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

constexpr int64_t kBlock = 64;    // points
constexpr int64_t kMaxTaps = 16;  // bicubic in two dims

/// The taps of up to kBlock points: offsets within the plane (-1: a zero) and weights, and for the
/// gradient the derivatives of the weights in each dim's coordinate.
template <class T>
struct Block {
  int64_t points = 0, taps = 0;
  int64_t offset[kMaxTaps][kBlock];
  T weight[kMaxTaps][kBlock];
  T slope[3][kMaxTaps][kBlock];
};

template <class T>
void add_point(Block<T>& block, const GridGeometry& g, int64_t point,
               const GridTaps<T> (&taps)[3]) {
  const auto& [d, h, w] = taps;
  int64_t tap = 0;
  for (int64_t i = 0; i < d.count; ++i) {
    for (int64_t j = 0; j < h.count; ++j) {
      for (int64_t k = 0; k < w.count; ++k, ++tap) {
        const bool inside = d.index[i] >= 0 && h.index[j] >= 0 && w.index[k] >= 0;
        const int64_t offset = (d.index[i] * g.input[1] + h.index[j]) * g.input[2] + w.index[k];
        block.offset[tap][point] = inside ? offset : -1;
        block.weight[tap][point] = d.weight[i] * h.weight[j] * w.weight[k];
        block.slope[0][tap][point] = d.slope[i] * h.weight[j] * w.weight[k];
        block.slope[1][tap][point] = d.weight[i] * h.slope[j] * w.weight[k];
        block.slope[2][tap][point] = d.weight[i] * h.weight[j] * w.slope[k];
      }
    }
  }
  block.taps = tap;
}

/// The block of points [begin, begin + points) of one batch entry's grid.
template <class T>
void fill_block(Block<T>& block, const GridGeometry& g, const T* grid, int64_t begin,
                int64_t points) {
  block.points = points;
  for (int64_t i = 0; i < points; ++i) {
    const T* point = grid + (begin + i) * g.rank;
    GridTaps<T> taps[3];
    for (int64_t dim = 3 - g.rank; dim < 3; ++dim)
      taps[dim] = grid_taps(g, size_t(dim), point[2 - dim]);
    add_point(block, g, i, taps);
  }
}

/// body(batch entry, first point, number of points) for every block, in parallel.
template <class Body>
void for_each_block(const GridGeometry& g, const Body& body) {
  const int64_t points = numel_of(g.output), blocks = (points + kBlock - 1) / kBlock;
  const int64_t grain = 1 + 4096 / (kBlock * (g.channels + 8));
  parallel_for(0, g.batch * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * kBlock;
      body(i / blocks, first, std::min(kBlock, points - first));
    }
  });
}

template <class T>
T read(const T* plane, int64_t offset) {
  return offset >= 0 ? plane[offset] : T(0);
}

/// Each plane is summed by one thread in the order of the points.
template <class T>
void input_grad(T* grad_input, const T* grad_output, const T* grid, const GridGeometry& g) {
  const int64_t in_plane = numel_of(g.input), points = numel_of(g.output);
  const int64_t grain = 1 + 8192 / std::max<int64_t>(points + in_plane, 1);
  parallel_for(0, g.batch * g.channels, grain, [&](int64_t begin, int64_t end) {
    std::fill(grad_input + begin * in_plane, grad_input + end * in_plane, T(0));
    Block<T> block;
    for (int64_t first_plane = begin, next; first_plane < end; first_plane = next) {
      const int64_t n = first_plane / g.channels;
      next = std::min(end, (n + 1) * g.channels);
      for (int64_t first = 0; first < points; first += kBlock) {
        fill_block(block, g, grid + n * points * g.rank, first, std::min(kBlock, points - first));
        for (int64_t plane = first_plane; plane < next; ++plane) {
          const T* grad_y = grad_output + plane * points + first;
          T* grad_x = grad_input + plane * in_plane;
          for (int64_t tap = 0; tap < block.taps; ++tap)
            for (int64_t i = 0; i < block.points; ++i)
              if (block.offset[tap][i] >= 0)
                grad_x[block.offset[tap][i]] += block.weight[tap][i] * grad_y[i];
        }
      }
    }
  });
}

template <class T>
void grid_grad(T* grad_grid, const T* grad_output, const T* input, const T* grid,
               const GridGeometry& g) {
  const int64_t in_plane = numel_of(g.input), points = numel_of(g.output);
  for_each_block(g, [&](int64_t n, int64_t first, int64_t count) {
    Block<T> block;
    fill_block(block, g, grid + n * points * g.rank, first, count);
    T* grad = grad_grid + (n * points + first) * g.rank;
    std::fill_n(grad, count * g.rank, T(0));
    for (int64_t tap = 0; tap < block.taps; ++tap) {
      T product[kBlock] = {};
      for (int64_t c = 0; c < g.channels; ++c) {
        const int64_t plane = n * g.channels + c;
        const T* x = input + plane * in_plane;
        const T* grad_y = grad_output + plane * points + first;
        for (int64_t i = 0; i < count; ++i) product[i] += grad_y[i] * read(x, block.offset[tap][i]);
      }
      for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < g.rank; ++k)
          grad[i * g.rank + k] += block.slope[2 - k][tap][i] * product[i];
    }
  });
}

}  // namespace

void grid_sample(const Tensor& output, const Tensor& input, const Tensor& grid,
                 const GridGeometry& g) {
  dispatch_float_double(input.dtype(), "grid_sampler", [&]<class T>() {
    const int64_t in_plane = numel_of(g.input), points = numel_of(g.output);
    for_each_block(g, [&](int64_t n, int64_t first, int64_t count) {
      Block<T> block;
      fill_block(block, g, grid.const_data_ptr<T>() + n * points * g.rank, first, count);
      for (int64_t plane = n * g.channels; plane < (n + 1) * g.channels; ++plane) {
        const T* x = input.const_data_ptr<T>() + plane * in_plane;
        T* y = output.data_ptr<T>() + plane * points + first;
        std::fill_n(y, count, T(0));
        for (int64_t tap = 0; tap < block.taps; ++tap)
          for (int64_t i = 0; i < count; ++i)
            y[i] += block.weight[tap][i] * read(x, block.offset[tap][i]);
      }
    });
  });
}

void grid_sample_grad(const Tensor& grad_input, const Tensor& grad_grid, const Tensor& grad_output,
                      const Tensor& input, const Tensor& grid, const GridGeometry& g) {
  dispatch_float_double(input.dtype(), "grid_sampler", [&]<class T>() {
    const T *grad_y = grad_output.const_data_ptr<T>(), *points = grid.const_data_ptr<T>();
    if (grad_input.defined()) input_grad(grad_input.data_ptr<T>(), grad_y, points, g);
    if (grad_grid.defined())
      grid_grad(grad_grid.data_ptr<T>(), grad_y, input.const_data_ptr<T>(), points, g);
  });
}

}  // namespace fg::cpu
