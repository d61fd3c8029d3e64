// The switches that trade precision or determinism for speed on the GPU, with libtorch's names and
// defaults. A CPU-only build has them too, so that a program need not ask; nothing reads them there.
#pragma once

#include <atomic>
#include <string>

#include "tensor/error.h"

namespace fg {

/// How float32 matrix products are computed: in float32; in TF32; or, on other hardware, in bfloat16. HIGH and
/// MEDIUM both mean TF32 on a GPU.
enum class Float32MatmulPrecision { HIGHEST, HIGH, MEDIUM };

/// The process's switches; globalContext() is the only one. Setters may be called at any time, from any
/// thread, and act on the ops that start afterwards.
class Context {
 public:
  // Products of matrices (Python: torch.backends.cuda.matmul). TF32 keeps 10 bits of the factors' mantissas
  // and accumulates in float32.
  /// Default false. Setting it sets the precision below to HIGH or HIGHEST.
  bool allowTF32CuBLAS() const {
    return float32MatmulPrecision() != Float32MatmulPrecision::HIGHEST;
  }
  void setAllowTF32CuBLAS(bool allow) {
    setFloat32MatmulPrecision(allow ? Float32MatmulPrecision::HIGH
                                    : Float32MatmulPrecision::HIGHEST);
  }
  Float32MatmulPrecision float32MatmulPrecision() const { return matmul_precision_; }
  void setFloat32MatmulPrecision(Float32MatmulPrecision precision) {
    matmul_precision_ = precision;
  }
  /// "highest", "high" or "medium".
  void setFloat32MatmulPrecision(const std::string& precision);
  /// Whether products that are split along the summed dim may add the parts in the 16-bit type. Default true.
  bool allowFP16ReductionCuBLAS() const { return fp16_reduction_; }
  void setAllowFP16ReductionCuBLAS(bool allow) { fp16_reduction_ = allow; }
  bool allowBF16ReductionCuBLAS() const { return bf16_reduction_; }
  void setAllowBF16ReductionCuBLAS(bool allow) { bf16_reduction_ = allow; }
  /// Whether the first product of each shape measures the best few algorithms and keeps the fastest, instead
  /// of trusting cuBLASLt's estimate; that product waits for the GPU, and another run may choose another
  /// algorithm and so round differently. Default false. PyTorch has no such switch; the name follows
  /// setBenchmarkCuDNN.
  bool benchmarkCuBLASLt() const { return benchmark_cublaslt_; }
  void setBenchmarkCuBLASLt(bool benchmark) { benchmark_cublaslt_ = benchmark; }

  // Convolutions and recurrent layers (Python: torch.backends.cudnn).
  /// TF32 in float32 convolutions. Default true.
  bool allowTF32CuDNN() const { return tf32_cudnn_; }
  void setAllowTF32CuDNN(bool allow) { tf32_cudnn_ = allow; }
  /// Whether the first convolution of each shape measures the algorithms. Default false.
  bool benchmarkCuDNN() const { return benchmark_cudnn_; }
  void setBenchmarkCuDNN(bool benchmark) { benchmark_cudnn_ = benchmark; }
  /// Only algorithms that give equal bits in every run. Default true, unlike PyTorch's false: here every op gives
  /// equal bits unless it is told not to.
  bool deterministicCuDNN() const { return deterministic_cudnn_; }
  void setDeterministicCuDNN(bool deterministic) { deterministic_cudnn_ = deterministic; }

 private:
  std::atomic<Float32MatmulPrecision> matmul_precision_{Float32MatmulPrecision::HIGHEST};
  std::atomic<bool> fp16_reduction_{true}, bf16_reduction_{true}, benchmark_cublaslt_{false};
  std::atomic<bool> tf32_cudnn_{true}, benchmark_cudnn_{false}, deterministic_cudnn_{true};
};

namespace detail {
inline constinit Context context;
}  // namespace detail

inline Context& globalContext() { return detail::context; }

/// Python's name of setFloat32MatmulPrecision: "highest" (the default), "high" or "medium".
inline void set_float32_matmul_precision(const std::string& precision) {
  using enum Float32MatmulPrecision;
  ENSURE(precision == "highest" || precision == "high" || precision == "medium",
         "set_float32_matmul_precision: precision must be highest, high or medium, got ",
         precision);
  globalContext().setFloat32MatmulPrecision(precision == "highest" ? HIGHEST
                                            : precision == "high"  ? HIGH
                                                                   : MEDIUM);
}
inline std::string get_float32_matmul_precision() {
  switch (globalContext().float32MatmulPrecision()) {
    case Float32MatmulPrecision::HIGHEST:
      return "highest";
    case Float32MatmulPrecision::HIGH:
      return "high";
    default:
      return "medium";
  }
}

inline void Context::setFloat32MatmulPrecision(const std::string& precision) {
  set_float32_matmul_precision(precision);
}

}  // namespace fg
