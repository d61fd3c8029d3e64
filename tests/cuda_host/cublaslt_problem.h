// Host emulation of cuBLASLt: what its stand-in's two halves share. See cublaslt.cpp.
#pragma once

#include <cstring>
#include <utility>

#include <cublasLt.h>

namespace cuda_host::lt {

struct Layout {
  cudaDataType_t type;
  cublasLtOrder_t order;
  uint64_t rows, cols;
  int64_t ld;
  int32_t batch;
  int64_t stride;
};
static_assert(sizeof(Layout) <= sizeof(cublasLtMatrixLayoutOpaque_t));

struct Operation {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  int32_t a_op, b_op;
  uint32_t epilogue;
  const void* bias;
  void* aux;
  int64_t aux_ld;
  int32_t bias_type;  // -1: D's
};
static_assert(sizeof(Operation) <= sizeof(cublasLtMatmulDescOpaque_t));

inline size_t element_bytes(cudaDataType_t type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

inline bool has(uint32_t epilogue, uint32_t part) { return (epilogue & part) == part; }
inline bool is_relu(uint32_t e) { return has(e, CUBLASLT_EPILOGUE_RELU); }
inline bool is_gelu(uint32_t e) { return has(e, CUBLASLT_EPILOGUE_GELU); }
inline bool is_relu_gradient(uint32_t e) { return has(e, CUBLASLT_EPILOGUE_DRELU); }
inline bool is_gelu_gradient(uint32_t e) { return has(e, CUBLASLT_EPILOGUE_DGELU); }
inline bool has_aux(uint32_t e) { return has(e, 128); }
inline bool sums_output(uint32_t e) { return has(e, 16); }
inline bool sums_input(uint32_t e) {
  return e == CUBLASLT_EPILOGUE_BGRADA || e == CUBLASLT_EPILOGUE_BGRADB;
}
inline bool has_vector(uint32_t e) {
  return has(e, CUBLASLT_EPILOGUE_BIAS) || sums_output(e) || sums_input(e);
}
inline bool is_aligned(const void* data, uint32_t bytes) {
  return reinterpret_cast<uintptr_t>(data) % bytes == 0;
}

/// A problem as the calls hand it over.
struct Problem {
  const Operation& operation;
  const Layout &a, &b, &c, &d;

  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.cols; }
  cudaDataType_t bias_type() const {
    return operation.bias_type < 0 ? d.type : cudaDataType_t(operation.bias_type);
  }
  uint64_t k() const { return operation.a_op == CUBLAS_OP_N ? a.cols : a.rows; }

  cublasStatus_t check() const {
    for (const Layout* layout : {&a, &b, &c, &d}) {
      const uint64_t least = layout->order == CUBLASLT_ORDER_COL ? layout->rows : layout->cols;
      if (layout->rows == 0 || layout->cols == 0 || layout->ld < int64_t(least))
        return CUBLAS_STATUS_INVALID_VALUE;
      if (layout->batch != d.batch || layout->batch < 1) return CUBLAS_STATUS_INVALID_VALUE;
      if (layout->order != CUBLASLT_ORDER_COL) return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (std::memcmp(&c, &d, sizeof c) != 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (d.batch > 65535) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d.batch > 1 && d.stride < d.ld * int64_t(d.cols)) return CUBLAS_STATUS_INVALID_VALUE;
    const auto extents_of = [](const Layout& layout, int32_t op) {
      return op == CUBLAS_OP_N ? std::pair(layout.rows, layout.cols)
                               : std::pair(layout.cols, layout.rows);
    };
    if (extents_of(a, operation.a_op) != std::pair(m(), k()) ||
        extents_of(b, operation.b_op) != std::pair(k(), n()))
      return CUBLAS_STATUS_INVALID_VALUE;
    return check_types() ? check_epilogue() : CUBLAS_STATUS_NOT_SUPPORTED;
  }

  uint64_t hash() const {
    uint64_t result = 14695981039346656037u;  // FNV-1a
    const auto mix = [&](auto value) { result = (result ^ uint64_t(value)) * 1099511628211u; };
    for (const Layout* l : {&a, &b, &d})
      for (const uint64_t field : {uint64_t(l->type), l->rows, l->cols, uint64_t(l->ld),
                                   uint64_t(l->batch), uint64_t(l->batch > 1 ? l->stride : 0)})
        mix(field);
    mix(operation.compute), mix(operation.a_op), mix(operation.b_op), mix(operation.epilogue);
    mix(operation.aux_ld), mix(operation.bias_type);
    return result;
  }

 private:
  bool check_types() const {
    const cudaDataType_t scale = d.type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
    const bool is_16_bit = a.type == CUDA_R_16F || a.type == CUDA_R_16BF;
    const bool widens = is_16_bit && d.type == CUDA_R_32F;
    if (operation.scale != scale || a.type != b.type || (a.type != d.type && !widens)) return false;
    switch (operation.compute) {
      case CUBLAS_COMPUTE_32F:
        return d.type == CUDA_R_32F || d.type == CUDA_R_16F || d.type == CUDA_R_16BF;
      case CUBLAS_COMPUTE_32F_FAST_TF32:
        return a.type == CUDA_R_32F;
      case CUBLAS_COMPUTE_64F:
        return d.type == CUDA_R_64F;
      default:
        return false;
    }
  }
  cublasStatus_t check_epilogue() const {
    const uint32_t e = operation.epilogue;
    if (e == CUBLASLT_EPILOGUE_DEFAULT) return CUBLAS_STATUS_SUCCESS;
    if (d.type == CUDA_R_64F && e != CUBLASLT_EPILOGUE_BIAS) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d.batch > 1 || (has_vector(e) && bias_type() != d.type)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (has_vector(e) &&
        (!operation.bias || !is_aligned(operation.bias, uint32_t(element_bytes(d.type)))))
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!has_aux(e)) return CUBLAS_STATUS_SUCCESS;
    const bool is_mask = is_relu(e) || is_relu_gradient(e);
    const bool fits =
        operation.aux_ld >= int64_t(m()) && operation.aux_ld % (is_mask ? 128 : 8) == 0;
    return operation.aux && fits && is_aligned(operation.aux, 16) ? CUBLAS_STATUS_SUCCESS
                                                                  : CUBLAS_STATUS_INVALID_VALUE;
  }
};

/// What one call computes, with everything that it was handed.
struct Call {
  Operation operation;
  Layout a, b, d;
  double alpha, beta;
  const void *a_data, *b_data, *c_data;
  void* d_data;
  void* workspace;
  size_t workspace_bytes;
};
/// D, and what the epilogue leaves behind.
void compute(const Call& call);

}  // namespace cuda_host::lt
