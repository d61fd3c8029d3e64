// Epilogues of linear layers on a row-major (rows, cols) array, in place: each thread does 8 neighbouring
// columns of one row, since they share a byte of Relu's mask. One read and one write of the array. The path of
// float64 activations; other dtypes have it done by cuBLASLt.
#include "cuda/kernels/linear_epilogue.h"
#include "cuda/launch.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/linear_epilogue.h"

namespace fg::cuda {
namespace {

struct Groups {
  int64_t rows, cols, per_row;
  LinearActivation activation;
  void* aux;
  int64_t aux_ld;

  Groups(const Tensor& y, LinearActivation activation, const Tensor& aux)
      : rows(y.size(0)),
        cols(y.size(1)),
        per_row((cols + kLinearGroup - 1) / kLinearGroup),
        activation(activation),
        aux(aux.defined() ? aux.data_ptr() : nullptr),
        aux_ld(aux.defined() ? aux.stride(0) : 0) {}
};

template <class T, class Body>
__device__ __forceinline__ void for_each_group(const Groups& groups, const Body& body) {
  const int64_t count = groups.rows * groups.per_row;
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    const int64_t row = i / groups.per_row, group = i % groups.per_row;
    const int64_t col = group * kLinearGroup, left = groups.cols - col;
    void* const aux = linear_aux_group<T>(groups.aux, groups.activation, groups.aux_ld, row, group);
    body(row, col, aux, int(left < kLinearGroup ? left : kLinearGroup));
  }
}

template <class T>
__global__ void linear_epilogue_kernel(T* __restrict__ y, const T* __restrict__ bias,
                                       Groups groups) {
  for_each_group<T>(groups, [&](int64_t row, int64_t col, void* aux, int width) {
    linear_epilogue<Compute<T>>(y + row * groups.cols + col, bias ? bias + col : nullptr,
                                groups.activation, aux, width);
  });
}

template <class T>
__global__ void linear_epilogue_backward_kernel(T* __restrict__ grad, Groups groups) {
  for_each_group<T>(groups, [&](int64_t row, int64_t col, void* aux, int width) {
    linear_epilogue_backward<Compute<T>>(grad + row * groups.cols + col, groups.activation, aux,
                                         width);
  });
}

}  // namespace

void linear_epilogue_pass(const Tensor& y, const Tensor& bias, LinearActivation activation,
                          const Tensor& aux) {
  const Groups groups(y, activation, aux);
  dispatch_floating(y.dtype(), "linear", [&]<class T>() {
    launch(linear_epilogue_kernel<T>, one_thread_each(groups.rows * groups.per_row),
           y.data_ptr<T>(), bias.defined() ? bias.data_ptr<T>() : nullptr, groups);
  });
}

void linear_epilogue_backward_pass(const Tensor& grad, LinearActivation activation,
                                   const Tensor& aux) {
  const Groups groups(grad, activation, aux);
  dispatch_floating(grad.dtype(), "linear", [&]<class T>() {
    launch(linear_epilogue_backward_kernel<T>, one_thread_each(groups.rows * groups.per_row),
           grad.data_ptr<T>(), groups);
  });
}

}  // namespace fg::cuda
