// Products of matrices and linear layers, against cuBLASLt called directly at the same shape and precision. The
// direct call shares no code with cuda/cublaslt.cpp: its own workspace, descriptors and algorithm, made once.
#include <cublasLt.h>

#include "autograd/engine.h"
#include "autograd/ops/linalg.h"
#include "benchmarks/gpu/timing.h"
#include "cuda/precision.h"
#include "cuda/stream.h"
#include "tensor/factories.h"

namespace fg::bench::gpu {
namespace {

void ensure(cublasStatus_t status) {
  ENSURE(status == CUBLAS_STATUS_SUCCESS, "cublasLt: ", cublasLtGetStatusName(status));
}

struct Precision {
  const char* name;
  ScalarType type;
  cudaDataType_t native;
  cublasComputeType_t compute;
};
constexpr Precision kPrecisions[] = {
    {"fp32", kFloat, CUDA_R_32F, CUBLAS_COMPUTE_32F},
    {"tf32", kFloat, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32},
    {"bf16", kBFloat16, CUDA_R_16BF, CUBLAS_COMPUTE_32F},
    {"fp16", kHalf, CUDA_R_16F, CUBLAS_COMPUTE_32F},
    {"fp64", kDouble, CUDA_R_64F, CUBLAS_COMPUTE_64F},
};

/// A stack of `batch` products m x k by k x n; `b_transposed`: b is stored n x k, `a_transposed`: a is stored k x m.
struct Case {
  const char* name;
  int64_t batch, m, k, n;
  bool b_transposed, a_transposed = false;
};
constexpr Case kCases[] = {
    {"4096 cube", 1, 4096, 4096, 4096, false},
    {"8192 cube", 1, 8192, 8192, 8192, false},
    {"linear 1024x8192x8192", 1, 1024, 8192, 8192, true},
    {"GPT block 8192x768x3072", 1, 8192, 768, 3072, true},
    {"narrow 65536x64x64", 1, 65536, 64, 64, false},
    {"long sum 256x65536x256", 1, 256, 65536, 256, false},
    {"odd 1023x1025x1027", 1, 1023, 1025, 1027, false},
    {"attention 192 x 512x64x512", 192, 512, 64, 512, true},
};

/// The same product by cuBLASLt itself, with the algorithm that its heuristic ranks first, or with the fastest
/// of the first eight.
class Direct {
 public:
  Direct(const Case& c, const Precision& precision, const Tensor& a, const Tensor& b)
      : a_(a),
        b_(b),
        out_(empty({c.batch, c.m, c.n}, a.options())),
        workspace_(empty({kWorkspaceBytes}, TensorOptions(kByte).device(kCUDA))),
        is_double_(precision.type == kDouble) {
    ensure(cublasLtCreate(&handle_));
    ensure(cublasLtMatmulDescCreate(&operation_, precision.compute,
                                    is_double_ ? CUDA_R_64F : CUDA_R_32F));
    const int32_t b_op = c.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int32_t a_op = c.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    ensure(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &b_op,
                                          sizeof b_op));
    ensure(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSB, &a_op,
                                          sizeof a_op));
    a_layout_ = c.a_transposed ? layout(precision.native, c.k, c.m, c.batch)
                               : layout(precision.native, c.m, c.k, c.batch);
    b_layout_ = c.b_transposed ? layout(precision.native, c.n, c.k, c.batch)
                               : layout(precision.native, c.k, c.n, c.batch);
    out_layout_ = layout(precision.native, c.m, c.n, c.batch);
    ensure(cublasLtMatmulPreferenceCreate(&preference_));
    const uint64_t bytes = kWorkspaceBytes;
    ensure(cublasLtMatmulPreferenceSetAttribute(
        preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes));
  }
  ~Direct() {
    cublasLtMatmulPreferenceDestroy(preference_);
    for (cublasLtMatrixLayout_t layout : {a_layout_, b_layout_, out_layout_})
      cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(operation_);
    cublasLtDestroy(handle_);
  }
  Direct(const Direct&) = delete;
  Direct& operator=(const Direct&) = delete;

  void choose(int candidates) {
    std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<size_t>(candidates));
    int count = 0;
    ensure(cublasLtMatmulAlgoGetHeuristic(handle_, operation_, b_layout_, a_layout_, out_layout_,
                                          out_layout_, preference_, candidates, results.data(),
                                          &count));
    ENSURE(count > 0, "cublasLt: no algorithm");
    double best = 0;
    for (int i = 0; i < count; ++i) {
      const cublasLtMatmulAlgo_t earlier = algorithm_;
      algorithm_ = results[size_t(i)].algo;
      if (count == 1) return;
      const double ms = median_ms([&] { run(); }, 5);
      if (i == 0 || ms < best)
        best = ms;
      else
        algorithm_ = earlier;
    }
  }

  void run() {
    const double wide[] = {1, 0};
    const float narrow[] = {1, 0};
    const auto scalar = [&](int i) -> const void* {
      return is_double_ ? static_cast<const void*>(&wide[i]) : &narrow[i];
    };
    ensure(cublasLtMatmul(handle_, operation_, scalar(0), b_.data_ptr(), b_layout_, a_.data_ptr(),
                          a_layout_, scalar(1), out_.data_ptr(), out_layout_, out_.data_ptr(),
                          out_layout_, &algorithm_, workspace_.data_ptr(), kWorkspaceBytes,
                          cuda::current_stream().native()));
  }

 private:
  static constexpr int64_t kWorkspaceBytes = int64_t(32) << 20;

  // A row-major tensor as a column-major matrix, its transpose: b is cuBLASLt's A, and a its B.
  static cublasLtMatrixLayout_t layout(cudaDataType_t type, int64_t rows, int64_t cols,
                                       int64_t batch) {
    cublasLtMatrixLayout_t result;
    ensure(cublasLtMatrixLayoutCreate(&result, type, uint64_t(cols), uint64_t(rows), cols));
    const int32_t count = int32_t(batch);
    const int64_t step = rows * cols;
    ensure(cublasLtMatrixLayoutSetAttribute(result, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                            sizeof count));
    ensure(cublasLtMatrixLayoutSetAttribute(result, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                            &step, sizeof step));
    return result;
  }

  Tensor a_, b_, out_, workspace_;
  bool is_double_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_layout_ = nullptr, b_layout_ = nullptr, out_layout_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

/// Sets the switches of a measurement, and puts them back.
struct Switches {
  Switches(const Precision& precision, bool measured) {
    globalContext().setAllowTF32CuBLAS(precision.compute == CUBLAS_COMPUTE_32F_FAST_TF32);
    globalContext().setBenchmarkCuBLASLt(measured);
  }
  ~Switches() {
    globalContext().setAllowTF32CuBLAS(false);
    globalContext().setBenchmarkCuBLASLt(false);
  }
};

Tensor values(IntArrayRef sizes, ScalarType type) {
  return randn(sizes, TensorOptions(type).device(kCUDA));
}

void product(benchmark::State& state, const Case& c, const Precision& precision, bool measured) {
  NoGradGuard guard;
  const Switches switches(precision, measured);
  const Tensor a = values({c.batch, c.m, c.k}, precision.type);
  const Tensor stored = c.b_transposed ? values({c.batch, c.n, c.k}, precision.type)
                                       : values({c.batch, c.k, c.n}, precision.type);
  const Tensor b = c.b_transposed ? stored.transpose(1, 2) : stored;
  Direct direct(c, precision, a, stored);
  direct.choose(measured ? 8 : 1);
  report_ratio(
      state, [&] { bmm(a, b); }, [&] { direct.run(); },
      2.0 * double(c.batch) * double(c.m) * double(c.k) * double(c.n));
}

/// A linear layer with bias, forward and backward, against the three products alone.
void linear_step(benchmark::State& state, const Precision& precision) {
  const Switches switches(precision, false);
  const int64_t rows = 8192, in = 1024, out = 4096;
  const Tensor x = values({rows, in}, precision.type), weight = values({out, in}, precision.type);
  const Tensor bias = values({out}, precision.type), grad = values({rows, out}, precision.type);
  const Case forward{"", 1, rows, in, out, true}, input_grad{"", 1, rows, out, in, false};
  const Case weight_grad{"", 1, out, rows, in, false, true};
  Direct y(forward, precision, x, weight), grad_x(input_grad, precision, grad, weight);
  Direct grad_weight(weight_grad, precision, grad, x);
  for (Direct* direct : {&y, &grad_x, &grad_weight}) direct->choose(1);
  for (const Tensor& t : {x, weight, bias}) t.requires_grad_(true);
  report_ratio(
      state,
      [&] {
        autograd::grad({linear(x, weight, bias)}, {x, weight, bias}, {grad});
      },
      [&] { y.run(), grad_x.run(), grad_weight.run(); }, 6.0 * double(rows * in * out));
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Iterations(1);
  };
  for (const Precision& precision : kPrecisions) {
    for (const bool measured : {false, true}) {
      for (const Case& c : kCases) {
        add(std::string("matmul, ") + (measured ? "measured" : "heuristic") + "/" + c.name + "/" +
                precision.name,
            [=](benchmark::State& s) { product(s, c, precision, measured); });
      }
    }
    add(std::string("linear with bias, step/8192x1024x4096/") + precision.name,
        [=](benchmark::State& s) { linear_step(s, precision); });
  }
  return true;
}();

}  // namespace
}  // namespace fg::bench::gpu
