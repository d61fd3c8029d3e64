// batched_matmul on the GPU: cuBLASLt for floating types, an own kernel for integers (matmul_integers.cu).
// Deterministic: cuBLASLt adds the parts of a split sum in a fixed order.
#include "tensor/kernels/matmul.h"

#include "cuda/device.h"
#include "cuda/kernels/matmul_integers.h"
#include "cuda/kernels/row_major.h"
#include "cuda/precision.h"
#include "tensor/kernels/binary_ops.h"
#include "tensor/kernels/elementwise.h"

namespace fg::cuda {
namespace {

/// A batch lies along a dim of the grid that ends here.
constexpr int64_t kMaxBatch = 65535;

cudaDataType_t cuda_type(ScalarType type) {
  switch (type) {
    case kFloat:
      return CUDA_R_32F;
    case kDouble:
      return CUDA_R_64F;
    case kHalf:
      return CUDA_R_16F;
    case kBFloat16:
      return CUDA_R_16BF;
    default:
      ::fg::detail::fail_dtype("matmul", "a floating dtype", type);
  }
}

cublasComputeType_t compute_of(ScalarType type) {
  if (type == kDouble) return CUBLAS_COMPUTE_64F;
  return type == kFloat && globalContext().allowTF32CuBLAS() ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                             : CUBLAS_COMPUTE_32F;
}

bool adds_parts_in_full_precision(ScalarType type) {
  return (type == kHalf && !globalContext().allowFP16ReductionCuBLAS()) ||
         (type == kBFloat16 && !globalContext().allowBF16ReductionCuBLAS());
}

/// out *= by, where 0 clears even NaN.
void scale(const Tensor& out, double by) {
  if (by == 0) return fill(out, 0);
  if (by != 1)
    binary_forward(out, out, full({}, by, TensorOptions(compute_type(out.dtype()))),
                   functors::Mul{});
}

void multiply_as_long(const Tensor& out, const Tensor& a, const Tensor& b, double alpha,
                      double beta) {
  if (out.dtype() == kLong) return multiply_integers(out, a, b, int64_t(alpha), int64_t(beta));
  const auto converted = [](const Tensor& t) {
    const Tensor result = empty(t.sizes(), t.options().dtype(kLong));
    copy(result, t);
    return result;
  };
  const Tensor wide = converted(out);
  multiply_integers(wide, converted(a), converted(b), int64_t(alpha), int64_t(beta));
  copy(out, wide);
}

char* at(const void* data, int64_t elements, const Tensor& of) {
  return static_cast<char*>(const_cast<void*>(data)) + elements * element_size(of.dtype());
}

}  // namespace

OrderFlips flips_that_pay(int64_t rows, int64_t cols, int64_t k, int64_t batch, bool x_lies_along_k,
                          bool y_lies_along_k) {
  // An H200's, per second, and seconds; then the time by the number of operands that do not lie along k.
  constexpr double kFlops = 410e12, kBytes = 4e12, kLaunch = 3e-6;
  constexpr double kSlowdown[] = {1, 1.15, 1.9};
  const double flops = 2.0 * double(rows) * double(cols) * double(k) * double(batch);
  OrderFlips best;
  // Smaller ones do not fill the GPU; lines of other lengths keep the instruction from being used at all.
  if (flops < 8e9 || k % 4 != 0 || device_properties().major != 9) return best;
  const auto seconds = [&](const OrderFlips& flips) {
    const int others = !(x_lies_along_k || flips.x) + !(y_lies_along_k || flips.y);
    const double copied =
        double(k) * double(batch) * double((flips.x ? rows : 0) + (flips.y ? cols : 0));
    const double bytes = 4 * (double(rows) * double(cols) * double(batch) + 2 * copied);
    return flops / kFlops * kSlowdown[others] + bytes / kBytes + (flips.x + flips.y) * kLaunch;
  };
  double least = 0.95 * seconds(best);
  for (const OrderFlips flips : {OrderFlips{true, false}, {false, true}, {true, true}}) {
    if ((flips.x && x_lies_along_k) || (flips.y && y_lies_along_k)) continue;
    if (const double time = seconds(flips); time < least) {
      least = time;
      best = flips;
    }
  }
  return best;
}

lt::Product row_major_product(const Tensor& out, MatrixStack& x, MatrixStack& y) {
  const ScalarType type = x.tensor.dtype();
  const cublasComputeType_t compute = compute_of(type);
  if (compute == CUBLAS_COMPUTE_32F_FAST_TF32) {
    const OrderFlips flips =
        flips_that_pay(x.rows, y.cols, x.cols, x.batch, !x.transposed, y.transposed);
    if (flips.x) x.flip_order();
    if (flips.y) y.flip_order();
  }
  lt::Product product;
  lt::Shape& s = product.shape;
  s.m = y.cols;
  s.n = x.rows;
  s.k = x.cols;
  s.batch = x.batch;
  s.a_ld = y.ld;
  s.b_ld = x.ld;
  s.d_ld = s.m;
  s.a_stride = y.step;
  s.b_stride = x.step;
  s.d_stride = s.batch > 1 ? s.m * s.n : 0;
  s.a_op = y.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  s.b_op = x.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  s.type = cuda_type(type);
  s.d_type = s.bias_type = cuda_type(out.dtype());
  s.compute = compute;
  if (adds_parts_in_full_precision(type)) s.reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  product.a = y.tensor.data_ptr();
  product.b = x.tensor.data_ptr();
  product.d = out.data_ptr();
  return product;
}

void batched_matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha,
                    double beta) {
  if (out.numel() == 0) return;
  if (!is_floating(out.dtype())) return multiply_as_long(out, a, b, alpha, beta);
  if (alpha == 0 || a.size(-1) == 0) return scale(out, beta);
  MatrixStack x(a), y(b);
  lt::Product product = row_major_product(out, x, y);
  product.alpha = alpha;
  product.beta = beta;
  const int64_t batch = product.shape.batch;
  const lt::Product whole = product;
  for (int64_t first = 0; first < batch; first += kMaxBatch) {
    product.shape.batch = std::min(kMaxBatch, batch - first);
    product.a = at(whole.a, first * whole.shape.a_stride, out);
    product.b = at(whole.b, first * whole.shape.b_stride, out);
    product.d = at(whole.d, first * whole.shape.d_stride, out);
    ENSURE(lt::run(product), "matmul: cuBLASLt has no algorithm for ", out.dtype(), " shapes ",
           a.sizes(), " and ", b.sizes());
  }
}

}  // namespace fg::cuda
