// cuBLASLt: products of matrices with an epilogue, run by plans that are cached by shape.
//
// There is one handle per device. The workspace that an algorithm asks for comes from the caching allocator
// for the length of the call: the allocator reuses it in the order of the stream, so streams never share one,
// and during a capture it belongs to the graph.
#pragma once

#include <cublasLt.h>

#include "cuda/lru_cache.h"

namespace fg::cuda {

/// Throws fg::Error "call: text (name)" unless `status` is CUBLAS_STATUS_SUCCESS.
void check(cublasStatus_t status, const char* call);

namespace lt {

/// D = epilogue(alpha op(A) op(B) + beta D), in cuBLASLt's terms: column-major, op(A) is m x k, op(B) is k x n,
/// D is m x n. Everything that the choice of an algorithm depends on, and so the key of the plans. No padding.
struct Shape {
  int64_t m = 0, n = 0, k = 0;
  int64_t batch = 1;
  /// Elements from one column to the next, and from one matrix of the batch to the next (for A and B it may
  /// be 0).
  int64_t a_ld = 0, b_ld = 0, d_ld = 0;
  int64_t a_stride = 0, b_stride = 0, d_stride = 0;
  int64_t aux_ld = 0;
  cudaDataType_t type = CUDA_R_32F;  // of A and B
  /// D, and the vector of the epilogue, may be of float32 when A and B have 16 bits.
  cudaDataType_t d_type = CUDA_R_32F, bias_type = CUDA_R_32F;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cublasOperation_t a_op = CUBLAS_OP_N, b_op = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  /// Powers of two up to 256 that divide the addresses; run() fills them in.
  uint32_t a_alignment = 0, b_alignment = 0, d_alignment = 0, bias_alignment = 0, aux_alignment = 0;
  uint32_t measure = 0;  // whether the algorithm is to be chosen by measuring; run() fills it in
};

/// A shape with its operands. `bias` is read or written, as the epilogue says.
struct Product {
  Shape shape;
  const void* a = nullptr;
  const void* b = nullptr;
  void* d = nullptr;
  void* bias = nullptr;
  void* aux = nullptr;
  double alpha = 1, beta = 0;
};

/// Starts the product on the current stream. Returns false, having done nothing, when cuBLASLt has no
/// algorithm for the shape: with an epilogue that means "do it in two steps".
bool run(const Product& product);

/// Of the current device's plans, of which the 1024 used last are kept.
CacheStats plan_stats();
void clear_plans();

}  // namespace lt
}  // namespace fg::cuda
