#include "tensor/kernels/rearrange.h"

#include <cstring>

#include "tensor/cpu/parallel.h"
#include "tensor/kernels/dispatch.h"

namespace fg::cpu {

void cat(const Tensor& out, TensorList inputs, int64_t dim) {
  if (out.numel() == 0) return;
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= out.size(d);
  const int64_t row_bytes = out.nbytes() / rows;
  char* result = static_cast<char*>(out.data_ptr());
  parallel_for(0, rows, std::max<int64_t>(1, 4 * kGrain / row_bytes),
               [&](int64_t begin, int64_t end) {
                 int64_t at = 0;
                 for (const Tensor& input : inputs) {
                   const int64_t block = input.nbytes() / rows;
                   const char* data = static_cast<const char*>(input.data_ptr());
                   for (int64_t row = begin; block > 0 && row < end; ++row)
                     std::memcpy(result + row * row_bytes + at, data + row * block, size_t(block));
                   at += block;
                 }
               });
}

void triangle(const Tensor& out, const Tensor& x, int64_t diagonal, bool upper) {
  if (x.numel() == 0) return;
  const int64_t rows = x.size(-2), columns = x.size(-1), step = x.stride(-1);
  dispatch_width(x.element_size(), [&]<class T>() {
    T* result = static_cast<T*>(out.data_ptr());
    const T* data = static_cast<const T*>(x.data_ptr());
    parallel_for(0, x.numel() / columns, std::max<int64_t>(1, kGrain / columns),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t line = begin; line < end; ++line) {
                     int64_t rest = line, offset = 0;
                     for (size_t d = size_t(x.dim()) - 1; d-- > 0;) {
                       offset += rest % x.sizes()[d] * x.strides()[d];
                       rest /= x.sizes()[d];
                     }
                     const int64_t main = line % rows;
                     // Saturates: the offset may be any int64.
                     const int64_t on_diagonal =
                         diagonal > columns ? columns : std::max(diagonal, -rows) + main;
                     const int64_t cut =
                         std::clamp<int64_t>(on_diagonal + (upper ? 0 : 1), 0, columns);
                     const int64_t keep_from = upper ? cut : 0, keep_to = upper ? columns : cut;
                     T* row = result + line * columns;
                     std::fill(row, row + columns, T(0));
                     for (int64_t j = keep_from; j < keep_to; ++j) row[j] = data[offset + j * step];
                   }
                 });
  });
}

}  // namespace fg::cpu
