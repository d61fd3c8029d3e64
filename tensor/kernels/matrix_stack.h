// How a BLAS sees matrices; for both devices.
#pragma once

#include <algorithm>

#include "tensor/factories.h"
#include "tensor/kernels/fill.h"
#include "tensor/on_device.h"

namespace fg {

/// A 2-d tensor (rows, cols) or a stack of them, 3-d, as a BLAS wants it: row-major with rows `ld` apart or,
/// when `transposed`, with columns `ld` apart. A tensor that is neither is copied.
struct MatrixStack {
  Tensor tensor;
  int64_t batch, rows, cols;
  bool transposed = false;
  int64_t ld = 1;
  /// Elements from one matrix to the next; 0 where one matrix stands for all.
  int64_t step = 0;

  /// With `transpose`, the matrices are the transposes of t's.
  explicit MatrixStack(const Tensor& t, bool transpose = false)
      : tensor(t), batch(t.dim() == 3 ? t.size(0) : 1), rows(t.size(-2)), cols(t.size(-1)) {
    if (!place(t.stride(-2), t.stride(-1))) {
      tensor = empty(t.sizes(), t.options());
      ON_DEVICE(t, copy, tensor, t);
      place(cols, 1);
    }
    if (batch > 1) step = tensor.stride(0);
    if (!transpose) return;
    std::swap(rows, cols);
    transposed = !transposed;
    of_transposes_ = true;
  }

  /// Copies the matrices so that what was row-major is transposed, and the reverse; one that stands for all, once.
  void flip_order() {
    const bool one_for_all = batch > 1 && step == 0;
    Tensor source = one_for_all ? tensor.detach()[0] : tensor.detach();
    const bool along_rows = transposed == of_transposes_;  // of `tensor`, whatever the product sees
    if (along_rows) source = source.transpose(-1, -2);
    tensor = empty(source.sizes(), source.options());
    ON_DEVICE(source, copy, tensor, source);
    of_transposes_ = of_transposes_ != along_rows;
    transposed = !transposed;
    ld = std::max<int64_t>(1, tensor.size(-1));
    if (step != 0) step = tensor.stride(0);
  }

 private:
  bool of_transposes_ = false;  // the product's matrices are the transposes of those in `tensor`
  bool place(int64_t row_stride, int64_t col_stride) {
    if ((col_stride == 1 || cols == 1) && (rows == 1 || row_stride >= cols)) {
      ld = rows == 1 ? cols : row_stride;
    } else if ((row_stride == 1 || rows == 1) && (cols == 1 || col_stride >= rows)) {
      transposed = true;
      ld = cols == 1 ? rows : col_stride;
    } else {
      return false;
    }
    ld = std::max<int64_t>(ld, 1);
    return true;
  }
};

}  // namespace fg
