// Resizing on the CPU: a sparse matrix per dim, applied line by line; the adjoint runs over the
// transposed matrices.

#include "tensor/kernels/resample.h"

#include <vector>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

/// Row r mixes the entries [begin[r], begin[r + 1]) of `index` with `weight`.
template <class T>
struct Mix {
  std::vector<int64_t> begin{0};
  std::vector<int64_t> index;
  std::vector<T> weight;

  void add(int64_t at, T w) {
    index.push_back(at);
    weight.push_back(w);
  }
  void end_row() { begin.push_back(int64_t(index.size())); }
  int64_t rows() const { return int64_t(begin.size()) - 1; }
};

template <class T>
Mix<T> forward_mix(const ResampleGeometry& g, size_t dim) {
  Mix<T> mix;
  for (int64_t o = 0; o < g.output[dim]; ++o) {
    const auto taps = resample_taps<T>(g, dim, o);
    for (int64_t k = 0; k < taps.count; ++k)
      mix.add(resample_source(taps, k, g.input[dim]), taps.weight[k]);
    mix.end_row();
  }
  return mix;
}

template <class T>
Mix<T> adjoint_mix(const ResampleGeometry& g, size_t dim) {
  Mix<T> mix;
  for (int64_t i = 0; i < g.input[dim]; ++i) {
    const ResampleReaders readers = resample_readers<T>(g, dim, i);
    for (int64_t o = readers.begin; o < readers.end; ++o) {
      const T total = resample_weight<T>(g, dim, o, i);
      if (total != 0) mix.add(o, total);
    }
    mix.end_row();
  }
  return mix;
}

/// to[i] = the mix of `from` by row i.
template <class T>
void mix_line(const Mix<T>& mix, const T* from, T* to) {
  const int64_t *begin = mix.begin.data(), *index = mix.index.data(), rows = mix.rows();
  const T* weight = mix.weight.data();
  const auto fixed = [&](auto taps) {
    for (int64_t r = 0; r < rows; ++r) {
      T sum = weight[r * taps] * from[index[r * taps]];
      for (int64_t k = 1; k < taps; ++k) sum += weight[r * taps + k] * from[index[r * taps + k]];
      to[r] = sum;
    }
  };
  // Forward rows are of one length, and a known number of turns is worth a copy of the loop.
  if (begin[1] == 1 && begin[rows] == rows) return fixed(std::integral_constant<int64_t, 1>());
  if (begin[1] == 2 && begin[rows] == 2 * rows) return fixed(std::integral_constant<int64_t, 2>());
  for (int64_t r = 0; r < rows; ++r) {
    T sum = 0;
    for (int64_t k = begin[r]; k < begin[r + 1]; ++k) sum += weight[k] * from[index[k]];
    to[r] = sum;
  }
}

/// The mix of a plane's lines for output line (d, h): a line of the plane itself, or `line`.
template <class T>
const T* mix_rows(const Mix<T>& depth, const Mix<T>& height, int64_t d, int64_t h, const T* plane,
                  const Extents& from, std::vector<T>& line) {
  const auto row = [&](int64_t i, int64_t j) {
    return plane + (depth.index[size_t(i)] * from[1] + height.index[size_t(j)]) * from[2];
  };
  const auto weight = [&](int64_t i, int64_t j) {
    return depth.weight[size_t(i)] * height.weight[size_t(j)];
  };
  const int64_t i0 = depth.begin[size_t(d)], i1 = depth.begin[size_t(d) + 1];
  const int64_t j0 = height.begin[size_t(h)], j1 = height.begin[size_t(h) + 1];
  if (i1 - i0 == 1 && j1 - j0 == 1 && weight(i0, j0) == 1) return row(i0, j0);
  std::fill(line.begin(), line.end(), T(0));
  for (int64_t i = i0; i < i1; ++i) {
    for (int64_t j = j0; j < j1; ++j) {
      const T w = weight(i, j);
      const T* x = row(i, j);
      for (size_t k = 0; k < line.size(); ++k) line[k] += w * x[k];
    }
  }
  return line.data();
}

template <class T>
void mix_planes(T* out, const T* in, int64_t planes, const Extents& from, const Mix<T> (&mix)[3]) {
  const int64_t depth = mix[0].rows(), height = mix[1].rows(), width = mix[2].rows();
  const int64_t grain = 1 + kGrain / std::max<int64_t>(4 * (from[2] + width), 1);
  parallel_for(0, planes * depth * height, grain, [&](int64_t begin, int64_t end) {
    std::vector<T> line(static_cast<size_t>(from[2]));
    for (int64_t at = begin; at < end; ++at) {
      const int64_t h = at % height, d = at / height % depth, plane = at / height / depth;
      const T* mixed = mix_rows(mix[0], mix[1], d, h, in + plane * numel_of(from), from, line);
      mix_line(mix[2], mixed, out + at * width);
    }
  });
}

}  // namespace

void resample(const Tensor& output, const Tensor& input, const ResampleGeometry& g) {
  dispatch_float_double(input.dtype(), "upsample", [&]<class T>() {
    const Mix<T> mix[3] = {forward_mix<T>(g, 0), forward_mix<T>(g, 1), forward_mix<T>(g, 2)};
    mix_planes(output.data_ptr<T>(), input.const_data_ptr<T>(), g.planes, g.input, mix);
  });
}

void resample_grad(const Tensor& grad_input, const Tensor& grad_output, const ResampleGeometry& g) {
  dispatch_float_double(grad_input.dtype(), "upsample", [&]<class T>() {
    const Mix<T> mix[3] = {adjoint_mix<T>(g, 0), adjoint_mix<T>(g, 1), adjoint_mix<T>(g, 2)};
    mix_planes(grad_input.data_ptr<T>(), grad_output.const_data_ptr<T>(), g.planes, g.output, mix);
  });
}

}  // namespace fg::cpu
