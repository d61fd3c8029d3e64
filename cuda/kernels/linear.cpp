// Linear layers on the GPU: one cuBLASLt product each, whose epilogue adds the bias, applies the activation or
// its derivative, or sums the bias' gradient. What cuBLASLt has no algorithm for is done in two steps.
#include "tensor/kernels/linear.h"

#include "cuda/kernels/linear_epilogue.h"
#include "cuda/kernels/row_major.h"
#include "tensor/kernels/reduce.h"

namespace fg::cuda {
namespace {

cublasLtEpilogue_t forward_epilogue(LinearActivation activation, bool bias, bool aux) {
  const int parts = (bias ? CUBLASLT_EPILOGUE_BIAS : 0) | (aux ? 128 : 0);
  switch (activation) {
    case LinearActivation::Relu:
      return cublasLtEpilogue_t(CUBLASLT_EPILOGUE_RELU | parts);
    case LinearActivation::GeluTanh:
      return cublasLtEpilogue_t(CUBLASLT_EPILOGUE_GELU | parts);
    default:
      return bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  }
}

cublasLtEpilogue_t backward_epilogue(LinearActivation activation, bool bias) {
  switch (activation) {
    case LinearActivation::Relu:
      return bias ? CUBLASLT_EPILOGUE_DRELU_BGRAD : CUBLASLT_EPILOGUE_DRELU;
    case LinearActivation::GeluTanh:
      return bias ? CUBLASLT_EPILOGUE_DGELU_BGRAD : CUBLASLT_EPILOGUE_DGELU;
    default:
      return CUBLASLT_EPILOGUE_DEFAULT;
  }
}

/// cuBLASLt's GELU and its derivative are off by up to about 3e-6 in float32 and 6e-9 in float64 (seen with
/// cuBLAS 13.1 on an H200), which does for products that are coarser themselves.
bool is_precise_enough(cublasLtEpilogue_t epilogue, const lt::Shape& shape) {
  constexpr int kGelu =
      CUBLASLT_EPILOGUE_GELU | (CUBLASLT_EPILOGUE_DGELU & ~CUBLASLT_EPILOGUE_DRELU);
  const bool is_gelu = (int(epilogue) & kGelu) != 0;
  const bool is_16_bit = shape.type == CUDA_R_16F || shape.type == CUDA_R_16BF;
  return !is_gelu || is_16_bit || shape.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
}

/// Runs `product` with the epilogue; returns false after running it without.
bool run_with_epilogue(lt::Product& product, cublasLtEpilogue_t epilogue, const Tensor& bias,
                       LinearActivation activation = LinearActivation::None,
                       const Tensor& aux = {}) {
  product.shape.epilogue = epilogue;
  product.bias = bias.defined() ? bias.data_ptr() : nullptr;
  if (aux.defined()) {
    product.aux = aux.data_ptr();
    // Relu's mask is counted in bits.
    product.shape.aux_ld = aux.stride(0) * (activation == LinearActivation::Relu ? 8 : 1);
  }
  if (is_precise_enough(epilogue, product.shape) && lt::run(product)) return true;
  product.shape.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  product.shape.aux_ld = 0;
  product.bias = product.aux = nullptr;
  ENSURE(lt::run(product), "linear: cuBLASLt has no algorithm for a product of ", product.shape.n,
         " x ", product.shape.k, " by ", product.shape.m);
  return false;
}

void column_sums(const Tensor& out, const Tensor& x) {
  reduce(out.unsqueeze(0), x.contiguous().unsqueeze(0), ReduceKind::sum);
}

}  // namespace

void linear_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    LinearActivation activation, const Tensor& aux) {
  if (y.numel() == 0) return;
  const Tensor dense_bias = bias.defined() ? bias.contiguous() : bias;
  if (x.size(1) > 0) {
    MatrixStack rows(x), columns(weight, true);
    lt::Product product = row_major_product(y, rows, columns);
    const auto epilogue = forward_epilogue(activation, bias.defined(), aux.defined());
    if (run_with_epilogue(product, epilogue, dense_bias, activation, aux)) return;
  } else {
    fill(y, 0);
  }
  linear_epilogue_pass(y, dense_bias, activation, aux);
}

void linear_input_grad(const Tensor& grad_x, const Tensor& grad_bias, const Tensor& grad_y,
                       const Tensor& weight, LinearActivation activation, const Tensor& aux) {
  bool done = false;
  if (grad_x.numel() > 0 && weight.size(0) > 0) {
    MatrixStack rows(grad_y), columns(weight);
    lt::Product product = row_major_product(grad_x, rows, columns);
    const bool with_bias = grad_bias.defined() && activation != LinearActivation::None;
    done = run_with_epilogue(product, backward_epilogue(activation, with_bias),
                             with_bias ? grad_bias : Tensor(), activation, aux);
    if (!done && activation != LinearActivation::None)
      linear_epilogue_backward_pass(grad_x, activation, aux);
    done = done && with_bias;
  } else {
    fill(grad_x, 0);
  }
  if (grad_bias.defined() && !done) column_sums(grad_bias, grad_x);
}

void linear_weight_grad(const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& grad_y,
                        const Tensor& x) {
  bool done = false;
  if (grad_weight.numel() > 0 && x.size(0) > 0) {
    MatrixStack rows(grad_y, true), columns(x);
    lt::Product product = row_major_product(grad_weight, rows, columns);
    // cuBLASLt's B is grad_y^T; its sums over the summed dim are as many as D has columns: out.
    // Which cuBLASLt writes in the matrix' dtype.
    const bool with_bias = grad_bias.defined() && grad_bias.dtype() == grad_weight.dtype();
    done =
        run_with_epilogue(product, with_bias ? CUBLASLT_EPILOGUE_BGRADB : CUBLASLT_EPILOGUE_DEFAULT,
                          with_bias ? grad_bias : Tensor()) &&
        with_bias;
  } else {
    fill(grad_weight, 0);
  }
  if (grad_bias.defined() && !done) column_sums(grad_bias, grad_y);
}

}  // namespace fg::cuda
