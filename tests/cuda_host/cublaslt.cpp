// Host emulation of cuBLASLt: the functions that this project calls, against NVIDIA's header. It computes
// what the documentation says of column-major layouts, batches, scalars and epilogues, and refuses what the
// documentation refuses, and more, so that mistakes show without a GPU:
//
//  - an algorithm serves only the problem that the heuristic gave it for (a wrong plan would go unnoticed on a
//    GPU), and only pointers as well aligned as was said then;
//  - the first algorithm wants workspace when it is allowed, and fills it with garbage;
//  - float64 has no activation and no bias-gradient epilogues: the strictest reading of the tables.
//
// Sums run in float (double for float64), TF32 rounds the factors to 10 bits of mantissa.
#include <algorithm>
#include <cstring>

#include "cublaslt_problem.h"
#include "internal.h"

using cuda_host::lt::is_aligned;
using cuda_host::lt::Layout;
using cuda_host::lt::Operation;
using cuda_host::lt::Problem;

namespace {

struct Preference {
  uint64_t workspace_bytes;
  uint32_t reductions;
  uint32_t alignments[4];  // A, B, C, D
};
static_assert(sizeof(Preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t));

/// What an algorithm remembers of the problem that it was found for.
struct Algorithm {
  uint64_t problem;
  uint64_t workspace_bytes;
  uint32_t alignments[4], bias_alignment, aux_alignment;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

template <class T, class Opaque>
T& as(Opaque* opaque) {
  return *reinterpret_cast<T*>(opaque);
}

template <class T>
cublasStatus_t assign(T& field, const void* data, size_t bytes) {
  if (!data || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, data, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

const int handle_tag = 0;

uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data) | 16;
  return uint32_t(address & (~address + 1));
}

}  // namespace

// --- the library's functions -------------------------------------------------------------------------

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  if (cuda_host::device_count() == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = reinterpret_cast<cublasLtHandle_t>(const_cast<int*>(&handle_tag));
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }
const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}
const char* cublasLtGetStatusString(cublasStatus_t) { return "refused by the host emulation"; }

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t size,
                                                 cudaDataType type, uint64_t rows, uint64_t cols,
                                                 int64_t ld) {
  if (size < sizeof(Layout)) return CUBLAS_STATUS_ALLOC_FAILED;
  std::memset(static_cast<void*>(layout), 0, size);
  as<Layout>(layout) = {type, CUBLASLT_ORDER_COL, rows, cols, ld, 1, 0};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* data, size_t bytes) {
  Layout& l = as<Layout>(layout);
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return assign(l.order, data, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return assign(l.batch, data, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return assign(l.stride, data, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t operation, size_t size,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  if (size < sizeof(Operation)) return CUBLAS_STATUS_ALLOC_FAILED;
  std::memset(static_cast<void*>(operation), 0, size);
  Operation& o = as<Operation>(operation);
  o = {compute, scale,   CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT,
       nullptr, nullptr, 0,           -1};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* data, size_t bytes) {
  Operation& o = as<Operation>(operation);
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return assign(o.a_op, data, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return assign(o.b_op, data, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return assign(o.epilogue, data, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return assign(o.bias, data, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return assign(o.bias_type, data, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return assign(o.aux, data, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return assign(o.aux_ld, data, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference,
                                                     size_t size) {
  if (size < sizeof(Preference)) return CUBLAS_STATUS_ALLOC_FAILED;
  as<Preference>(preference) = {0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* data, size_t bytes) {
  Preference& p = as<Preference>(preference);
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return assign(p.workspace_bytes, data, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return assign(p.reductions, data, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return assign(p.alignments[0], data, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return assign(p.alignments[1], data, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return assign(p.alignments[2], data, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return assign(p.alignments[3], data, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* returned) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (requested < 1 || !returned) return CUBLAS_STATUS_INVALID_VALUE;
  *returned = 0;
  const Problem problem{as<Operation>(operation), as<Layout>(a), as<Layout>(b), as<Layout>(c),
                        as<Layout>(d)};
  if (const cublasStatus_t status = problem.check(); status != CUBLAS_STATUS_SUCCESS) return status;
  const Preference& p = as<Preference>(preference);
  for (const uint64_t workspace_bytes : {uint64_t(4096), uint64_t(0)}) {
    if (workspace_bytes > p.workspace_bytes || *returned == requested) continue;
    cublasLtMatmulHeuristicResult_t& result = results[(*returned)++];
    result = {};
    Algorithm& algorithm = as<Algorithm>(&result.algo);
    algorithm.problem = problem.hash();
    algorithm.workspace_bytes = workspace_bytes;
    std::copy(std::begin(p.alignments), std::end(p.alignments), algorithm.alignments);
    algorithm.bias_alignment = alignment_of(problem.operation.bias);
    algorithm.aux_alignment = alignment_of(problem.operation.aux);
    result.workspaceSize = workspace_bytes;
    result.state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  const Problem problem{as<Operation>(operation), as<Layout>(a_layout), as<Layout>(b_layout),
                        as<Layout>(c_layout), as<Layout>(d_layout)};
  if (const cublasStatus_t status = problem.check(); status != CUBLAS_STATUS_SUCCESS) return status;
  if (!alpha || !beta || !a || !b || !c || !d || !algo || !cuda_host::is_stream(stream))
    return CUBLAS_STATUS_INVALID_VALUE;
  const Algorithm& algorithm = as<const Algorithm>(algo);
  const void* const operands[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i)
    if (!is_aligned(operands[i], algorithm.alignments[i])) return CUBLAS_STATUS_INVALID_VALUE;
  if (algorithm.problem != problem.hash() || workspace_bytes < algorithm.workspace_bytes ||
      (algorithm.workspace_bytes > 0 && (!workspace || !is_aligned(workspace, 256))) ||
      !is_aligned(problem.operation.bias, algorithm.bias_alignment) ||
      !is_aligned(problem.operation.aux, algorithm.aux_alignment))
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool is_double = problem.d.type == CUDA_R_64F;
  const auto scalar = [is_double](const void* at) {
    return is_double ? *static_cast<const double*>(at) : *static_cast<const float*>(at);
  };
  const cuda_host::lt::Call call{problem.operation,
                                 problem.a,
                                 problem.b,
                                 problem.d,
                                 scalar(alpha),
                                 scalar(beta),
                                 a,
                                 b,
                                 c,
                                 d,
                                 workspace,
                                 workspace_bytes};
  const cudaError_t error = cuda_host::submit(stream, [call, stream] {
    const cuda_host::DeviceAccess access;
    const cuda_host::TracedWork traced(cuda_host::GpuWork::kernel, stream);
    cuda_host::lt::compute(call);
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
