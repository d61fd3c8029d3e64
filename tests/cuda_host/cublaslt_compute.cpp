// Host emulation of cuBLASLt: the arithmetic.
#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "cublaslt_problem.h"
#include "tensor/half.h"

namespace cuda_host::lt {
namespace {

double load(const void* data, cudaDataType_t type, int64_t i) {
  switch (type) {
    case CUDA_R_64F:
      return static_cast<const double*>(data)[i];
    case CUDA_R_32F:
      return static_cast<const float*>(data)[i];
    case CUDA_R_16F:
      return float(static_cast<const fg::Half*>(data)[i]);
    default:
      return float(static_cast<const fg::BFloat16*>(data)[i]);
  }
}

void store(void* data, cudaDataType_t type, int64_t i, double value) {
  switch (type) {
    case CUDA_R_64F:
      static_cast<double*>(data)[i] = value;
      break;
    case CUDA_R_32F:
      static_cast<float*>(data)[i] = float(value);
      break;
    case CUDA_R_16F:
      static_cast<fg::Half*>(data)[i] = fg::Half(float(value));
      break;
    default:
      static_cast<fg::BFloat16*>(data)[i] = fg::BFloat16(float(value));
  }
}

/// Rounds to nearest, ties to even, at 10 bits of mantissa.
float to_tf32(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  bits += 0xfffu + ((bits >> 13) & 1u);
  return std::bit_cast<float>(bits & ~0x1fffu);
}

constexpr double kGeluScale = 0.79788456080286535588;  // sqrt(2 / pi)
double gelu(double x) { return 0.5 * x * (1 + std::tanh(kGeluScale * (x + 0.044715 * x * x * x))); }
double gelu_slope(double x) {
  const double t = std::tanh(kGeluScale * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kGeluScale * (1 + 3 * 0.044715 * x * x);
}

/// op(matrix) as rows x cols, row-major.
template <class T>
std::vector<T> gather(const void* data, const Layout& layout, int32_t op, int64_t batch_index,
                      bool tf32) {
  const int64_t rows = int64_t(op == CUBLAS_OP_N ? layout.rows : layout.cols);
  const int64_t cols = int64_t(op == CUBLAS_OP_N ? layout.cols : layout.rows);
  std::vector<T> result(size_t(rows * cols));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const int64_t offset = op == CUBLAS_OP_N ? r + c * layout.ld : c + r * layout.ld;
      const T value = T(load(data, layout.type, batch_index * layout.stride + offset));
      result[size_t(r * cols + c)] = tf32 ? T(to_tf32(float(value))) : value;
    }
  }
  return result;
}

struct Run : Call {
  template <class T>
  void execute() const {
    for (int64_t i = 0; i < d.batch; ++i) product<T>(i);
  }

 private:
  template <class T>
  void product(int64_t i) const {
    const Problem problem{operation, a, b, d, d};
    const int64_t m = int64_t(problem.m()), n = int64_t(problem.n()), k = int64_t(problem.k());
    const bool tf32 = operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    const auto x = gather<T>(a_data, a, operation.a_op, i, tf32);
    const auto y = gather<T>(b_data, b, operation.b_op, i, tf32);
    std::vector<T> row_sums(size_t(m), 0);
    for (int64_t row = 0; row < m; ++row) {
      std::vector<T> sums(size_t(n), 0);
      for (int64_t p = 0; p < k; ++p)
        for (int64_t col = 0; col < n; ++col)
          sums[size_t(col)] += x[size_t(row * k + p)] * y[size_t(p * n + col)];
      for (int64_t col = 0; col < n; ++col) {
        const int64_t at = i * d.stride + row + col * d.ld;
        T value = T(alpha) * sums[size_t(col)];
        if (beta != 0) value += T(beta) * T(load(c_data, d.type, at));
        value = finish(value, row, col);
        row_sums[size_t(row)] += value;
        store(d_data, d.type, at, value);
      }
    }
    void* const vector = const_cast<void*>(operation.bias);
    const uint32_t e = operation.epilogue;
    if (sums_output(e))
      for (int64_t row = 0; row < m; ++row) store(vector, d.type, row, row_sums[size_t(row)]);
    if (e == CUBLASLT_EPILOGUE_BGRADA) sum_inner(vector, x, m, k, k, 1);
    if (e == CUBLASLT_EPILOGUE_BGRADB) sum_inner(vector, y, n, k, 1, n);
  }

  template <class T>
  void sum_inner(void* out, const std::vector<T>& matrix, int64_t count, int64_t k, int64_t outer,
                 int64_t inner) const {
    for (int64_t i = 0; i < count; ++i) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += matrix[size_t(i * outer + p * inner)];
      store(out, d.type, i, sum);
    }
  }

  template <class T>
  T finish(T value, int64_t row, int64_t col) const {
    const uint32_t e = operation.epilogue;
    if (e == CUBLASLT_EPILOGUE_DEFAULT || sums_input(e)) return value;
    if (has(e, CUBLASLT_EPILOGUE_BIAS)) value += T(load(operation.bias, d.type, row));
    const int64_t at = row + col * operation.aux_ld;
    auto* const mask = static_cast<unsigned char*>(operation.aux) + at / 8;
    const auto bit = static_cast<unsigned char>(1 << at % 8);
    if (is_relu(e)) {
      if (has_aux(e)) *mask = static_cast<unsigned char>(value > 0 ? *mask | bit : *mask & ~bit);
      return value < 0 ? T(0) : value;
    }
    if (is_gelu(e)) {
      if (has_aux(e)) store(operation.aux, d.type, at, value);
      return T(gelu(value));
    }
    if (is_relu_gradient(e)) return *mask & bit ? value : T(0);
    if (is_gelu_gradient(e)) return value * T(gelu_slope(load(operation.aux, d.type, at)));
    return value;
  }
};

}  // namespace

void compute(const Call& call) {
  if (call.workspace) std::memset(call.workspace, 0xab, call.workspace_bytes);
  const Run run{call};
  call.d.type == CUDA_R_64F ? run.execute<double>() : run.execute<float>();
}

}  // namespace cuda_host::lt
