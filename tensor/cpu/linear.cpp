#include "tensor/kernels/linear.h"

#include "tensor/cpu/parallel.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/linear_epilogue.h"
#include "tensor/kernels/matmul.h"
#include "tensor/kernels/reduce.h"

namespace fg::cpu {
namespace {

/// Contiguous, of dtype `type`; t itself where it is that already.
Tensor in_dtype(const Tensor& t, ScalarType type) {
  if (!t.defined() || (t.dtype() == type && t.is_contiguous())) return t;
  const Tensor result = empty(t.sizes(), TensorOptions(type));
  copy(result, t);
  return result;
}

/// body(row, first column, the group's aux, columns) for each group of a contiguous (rows, cols) tensor.
template <class T, class Body>
void for_each_group(const Tensor& y, LinearActivation activation, const Tensor& aux,
                    const Body& body) {
  const int64_t rows = y.size(0), cols = y.size(1);
  const int64_t per_row = (cols + kLinearGroup - 1) / kLinearGroup;
  void* const data = aux.defined() ? aux.data_ptr() : nullptr;
  const int64_t ld = aux.defined() ? aux.stride(0) : 0;
  parallel_for(0, rows * per_row, kGrain / kLinearGroup, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / per_row, group = i % per_row, col = group * kLinearGroup;
      body(row, col, linear_aux_group<T>(data, activation, ld, row, group),
           int(std::min<int64_t>(kLinearGroup, cols - col)));
    }
  });
}

void column_sums(const Tensor& out, const Tensor& x) {
  const ScalarType type = compute_type(x.dtype());
  const Tensor sums = type == out.dtype() ? out : empty(out.sizes(), TensorOptions(type));
  reduce(sums.unsqueeze(0), in_dtype(x, type).unsqueeze(0), ReduceKind::sum);
  if (!sums.is_same(out)) copy(out, sums);
}

}  // namespace

void linear_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    LinearActivation activation, const Tensor& aux) {
  if (activation == LinearActivation::None) {
    if (bias.defined()) copy(y, bias);
    return batched_matmul(y, x, weight.detach().t(), 1, bias.defined() ? 1 : 0);
  }
  // 16-bit types are rounded behind the activation only.
  const ScalarType type = compute_type(y.dtype());
  if (type != y.dtype()) {
    const Tensor wide = empty(y.sizes(), TensorOptions(type));
    const bool same_aux = !aux.defined() || activation == LinearActivation::Relu;
    const Tensor wide_aux = same_aux ? aux : linear_aux(wide, activation);
    linear_forward(wide, in_dtype(x, type), in_dtype(weight, type), in_dtype(bias, type),
                   activation, wide_aux);
    if (!same_aux) copy(aux, wide_aux);
    return copy(y, wide);
  }
  batched_matmul(y, x, weight.detach().t(), 1, 0);
  const Tensor dense_bias = in_dtype(bias, type);
  dispatch_float_double(type, "linear", [&]<class T>() {
    const T* const b = dense_bias.defined() ? dense_bias.data_ptr<T>() : nullptr;
    T* const out = y.data_ptr<T>();
    for_each_group<T>(y, activation, aux, [&](int64_t row, int64_t col, void* part, int width) {
      linear_epilogue<T>(out + row * y.size(1) + col, b ? b + col : nullptr, activation, part,
                         width);
    });
  });
}

void linear_input_grad(const Tensor& grad_x, const Tensor& grad_bias, const Tensor& grad_y,
                       const Tensor& weight, LinearActivation activation, const Tensor& aux) {
  const ScalarType type = compute_type(grad_x.dtype());
  if (type != grad_x.dtype() && activation != LinearActivation::None) {
    const Tensor wide = empty(grad_x.sizes(), TensorOptions(type));
    const Tensor wide_bias =
        grad_bias.defined() ? empty(grad_bias.sizes(), TensorOptions(type)) : Tensor();
    linear_input_grad(wide, wide_bias, in_dtype(grad_y, type), in_dtype(weight, type), activation,
                      activation == LinearActivation::Relu ? aux : in_dtype(aux, type));
    copy(grad_x, wide);
    if (grad_bias.defined()) copy(grad_bias, wide_bias);
    return;
  }
  batched_matmul(grad_x, grad_y, weight, 1, 0);
  if (activation != LinearActivation::None) {
    dispatch_float_double(type, "linear", [&]<class T>() {
      T* const grad = grad_x.data_ptr<T>();
      for_each_group<T>(
          grad_x, activation, aux, [&](int64_t row, int64_t col, const void* part, int width) {
            linear_epilogue_backward<T>(grad + row * grad_x.size(1) + col, activation, part, width);
          });
    });
  }
  if (grad_bias.defined()) column_sums(grad_bias, grad_x);
}

void linear_weight_grad(const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& grad_y,
                        const Tensor& x) {
  batched_matmul(grad_weight, grad_y.detach().t(), x, 1, 0);
  if (grad_bias.defined()) column_sums(grad_bias, grad_y);
}

}  // namespace fg::cpu
