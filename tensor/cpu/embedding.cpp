#include "tensor/kernels/embedding.h"

#include <cstring>

#include "tensor/cpu/sums.h"

namespace fg::cpu {

void embedding_forward(const Tensor& y, const Tensor& weight, const Tensor& indices) {
  const int64_t* index = indices.data_ptr<int64_t>();
  const int64_t rows = weight.size(0), count = indices.numel();
  for (int64_t i = 0; i < count; ++i) {
    if (index[i] >= 0 && index[i] < rows) continue;
    detail::fail<IndexError>(str("embedding: indices must lie in [0, ", rows,
                                 ") (num_embeddings), got ", index[i], " at flat position ", i));
  }
  const int64_t row_bytes = weight.size(1) * weight.element_size();
  const char* source = static_cast<const char*>(weight.data_ptr());
  char* out = static_cast<char*>(y.data_ptr());
  parallel_for(0, count, grain_for(weight.size(1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(out + i * row_bytes, source + index[i] * row_bytes, size_t(row_bytes));
  });
}

void embedding_backward(const Tensor& grad_weight, const Tensor& grad_y, const Tensor& indices,
                        int64_t padding_idx, bool scale_by_freq) {
  const int64_t* index = indices.data_ptr<int64_t>();
  const int64_t rows = grad_weight.size(0), width = grad_weight.size(1), count = indices.numel();
  // Counting sort: positions[starts[v] .. starts[v + 1]) are where row v was looked up, in order.
  std::vector<int64_t> starts(rows + 1), positions(count);
  for (int64_t i = 0; i < count; ++i) ++starts[index[i] + 1];
  for (int64_t v = 0; v < rows; ++v) starts[v + 1] += starts[v];
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  for (int64_t i = 0; i < count; ++i) positions[next[index[i]]++] = i;

  dispatch_float_double(grad_weight.dtype(), "embedding", [&]<class T>() {
    const T* gs = grad_y.data_ptr<T>();
    T* out = grad_weight.data_ptr<T>();
    const int64_t per_row = width * (1 + count / std::max<int64_t>(1, rows));
    parallel_for(0, rows, grain_for(per_row), [&](int64_t begin, int64_t end) {
      std::vector<double> sum(width);
      for (int64_t v = begin; v < end; ++v) {
        std::fill(sum.begin(), sum.end(), 0.0);
        const int64_t terms = v == padding_idx ? 0 : starts[v + 1] - starts[v];
        for (int64_t k = 0; k < terms; ++k) {
          const T* g = gs + positions[starts[v] + k] * width;
#pragma omp simd
          for (int64_t d = 0; d < width; ++d) sum[d] += double(g[d]);
        }
        const double factor = scale_by_freq && terms > 0 ? 1.0 / double(terms) : 1.0;
        for (int64_t d = 0; d < width; ++d) out[v * width + d] = T(sum[d] * factor);
      }
    });
  });
}

}  // namespace fg::cpu
