#include "tensor/kernels/matmul.h"

#include "tensor/cpu/gemm.h"
#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/matrix_stack.h"

namespace fg::cpu {
namespace {

template <class T>
void multiply(const Tensor& out, const Tensor& a_tensor, const Tensor& b_tensor, double alpha,
              double beta) {
  const MatrixStack a(a_tensor), b(b_tensor);
  // As in BLAS, alpha = 0 leaves a and b unread: their NaNs and infinities do not reach the result.
  const int64_t k = alpha == 0 ? 0 : a.cols;
  const int64_t batch = a.batch, m = a.rows, n = b.cols;
  T* const c = out.data_ptr<T>();
  const T* const pa = a.tensor.data_ptr<T>();
  const T* const pb = b.tensor.data_ptr<T>();
  const auto one = [&](int64_t i) {
    gemm<T>(a.transposed, b.transposed, m, n, k, T(alpha), pa + i * a.step, a.ld, pb + i * b.step,
            b.ld, T(beta), c + i * m * n, n);
  };
  // A batch of small products goes over the threads; a large product uses them inside gemm.
  const int64_t work = m * n * std::max<int64_t>(k, 1);
  if (batch >= 2 * get_num_threads() || work < kGrain) {
    parallel_for(0, batch, std::max<int64_t>(1, kGrain / std::max<int64_t>(work, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) one(i);
                 });
  } else {
    for (int64_t i = 0; i < batch; ++i) one(i);
  }
}

// Modulo 2^64, where sums may be taken in any order.
void multiply_integers(const Tensor& out, const Tensor& a_tensor, const Tensor& b_tensor,
                       double alpha, double beta) {
  if (out.dim() == 2) {
    return multiply_integers(out.unsqueeze(0), a_tensor.unsqueeze(0), b_tensor.unsqueeze(0), alpha,
                             beta);
  }
  const int64_t m = out.size(1), n = out.size(2), k = a_tensor.size(2);
  const auto a = a_tensor.accessor<int64_t, 3>();
  const uint64_t scale = uint64_t(int64_t(alpha)), keep = uint64_t(int64_t(beta));
  const int64_t* const b = b_tensor.data_ptr<int64_t>();
  const int64_t b_step = b_tensor.stride(2);
  parallel_for(0, out.size(0) * m, std::max<int64_t>(1, kGrain / std::max<int64_t>(n * k, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   const int64_t i = row / m, r = row % m;
                   int64_t* const c = out.data_ptr<int64_t>() + row * n;
                   for (int64_t col = 0; col < n; ++col)
                     c[col] = beta == 0 ? 0 : int64_t(uint64_t(c[col]) * keep);
                   for (int64_t p = 0; p < k; ++p) {
                     const uint64_t factor = scale * uint64_t(a[i][r][p]);
                     const int64_t* const from =
                         b + i * b_tensor.stride(0) + p * b_tensor.stride(1);
                     for (int64_t col = 0; col < n; ++col)
                       c[col] = int64_t(uint64_t(c[col]) + factor * uint64_t(from[col * b_step]));
                   }
                 }
               });
}

}  // namespace

void batched_matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha,
                    double beta) {
  if (out.numel() == 0) return;
  const ScalarType type = compute_type(out.dtype());
  if (type != out.dtype()) {
    const auto converted = [type](const Tensor& t) {
      const Tensor result = empty(t.sizes(), TensorOptions(type));
      copy(result, t);
      return result;
    };
    const Tensor wide = beta == 0 ? empty(out.sizes(), TensorOptions(type)) : converted(out);
    batched_matmul(wide, converted(a), converted(b), alpha, beta);
    return copy(out, wide);
  }
  if (type == kLong) return multiply_integers(out, a, b, alpha, beta);
  dispatch_float_double(type, "matmul", [&]<class T>() { multiply<T>(out, a, b, alpha, beta); });
}

}  // namespace fg::cpu
