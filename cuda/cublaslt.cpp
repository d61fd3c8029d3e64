#include "cuda/cublaslt.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <span>

#include "cuda/event.h"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "cuda/relaxed_capture.h"
#include "tensor/factories.h"

namespace fg::cuda {

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  throw Error(
      str(call, ": ", cublasLtGetStatusString(status), " (", cublasLtGetStatusName(status), ")"));
}

namespace lt {
namespace {

constexpr size_t kMaxPlans = 1024;
/// Algorithms that measuring tries, of those that cuBLASLt thinks best.
constexpr int kCandidates = 8;
constexpr int kMeasuredRuns = 5;

// The descriptors live on the stack: cuBLASLt's Init functions fill them in place, so that a call allocates
// nothing and there is nothing to destroy.

class Operation {
 public:
  explicit Operation(const Product& product) {
    const Shape& shape = product.shape;
    const cudaDataType_t scale = shape.type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
    check(cublasLtMatmulDescInit(&native_, shape.compute, scale), "cublasLtMatmulDescInit");
    set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(shape.a_op));
    set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t(shape.b_op));
    if (shape.epilogue == CUBLASLT_EPILOGUE_DEFAULT) return;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(shape.epilogue));
    if (product.bias) {
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, product.bias);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, int32_t(shape.bias_type));
    }
    if (!product.aux) return;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, product.aux);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, shape.aux_ld);
  }
  cublasLtMatmulDesc_t get() { return &native_; }

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(&native_, attribute, &value, sizeof value),
          "cublasLtMatmulDescSetAttribute");
  }
  cublasLtMatmulDescOpaque_t native_;
};

class Layout {
 public:
  Layout(cudaDataType_t type, int64_t rows, int64_t cols, int64_t ld, int64_t batch,
         int64_t stride) {
    check(cublasLtMatrixLayoutInit(&native_, type, uint64_t(rows), uint64_t(cols), ld),
          "cublasLtMatrixLayoutInit");
    if (batch == 1) return;
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int32_t(batch));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  }
  cublasLtMatrixLayout_t get() { return &native_; }

 private:
  template <class T>
  void set(cublasLtMatrixLayoutAttribute_t attribute, const T& value) {
    check(cublasLtMatrixLayoutSetAttribute(&native_, attribute, &value, sizeof value),
          "cublasLtMatrixLayoutSetAttribute");
  }
  cublasLtMatrixLayoutOpaque_t native_;
};

class Preference {
 public:
  Preference(const Shape& shape, size_t max_workspace_bytes) {
    check(cublasLtMatmulPreferenceInit(&native_), "cublasLtMatmulPreferenceInit");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(max_workspace_bytes));
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, shape.reductions);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape.a_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape.b_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape.d_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape.d_alignment);
  }
  cublasLtMatmulPreference_t get() { return &native_; }

 private:
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    check(cublasLtMatmulPreferenceSetAttribute(&native_, attribute, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
  }
  cublasLtMatmulPreferenceOpaque_t native_;
};

struct Descriptors {
  Operation operation;
  Layout a, b, d;

  explicit Descriptors(const Product& product) : Descriptors(product, product.shape) {}

 private:
  static Layout input(const Shape& s, cublasOperation_t op, int64_t rows, int64_t cols, int64_t ld,
                      int64_t stride) {
    if (op != CUBLAS_OP_N) std::swap(rows, cols);
    return {s.type, rows, cols, ld, s.batch, stride};
  }
  Descriptors(const Product& product, const Shape& s)
      : operation(product),
        a(input(s, s.a_op, s.m, s.k, s.a_ld, s.a_stride)),
        b(input(s, s.b_op, s.k, s.n, s.b_ld, s.b_stride)),
        d(s.d_type, s.m, s.n, s.d_ld, s.batch, s.d_stride) {}
};

struct Plan {
  bool supported = false;
  cublasLtMatmulAlgo_t algorithm{};
  size_t workspace_bytes = 0;
};

class Handle {
 public:
  Handle() {
    const RelaxedCapture relaxed;  // the handle brings a little device memory
    check(cublasLtCreate(&native_), "cublasLtCreate");
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cublasLtDestroy(native_); }
  cublasLtHandle_t get() const { return native_; }

 private:
  cublasLtHandle_t native_ = nullptr;
};

/// What a device keeps.
struct Library {
  Handle handle;
  LruCache<Shape, Plan> plans{kMaxPlans};
  /// As PyTorch: 32 MiB since Hopper, before that 8 MiB and a little.
  size_t max_workspace_bytes =
      device_properties().major >= 9 ? size_t(32) << 20 : size_t(8320) << 10;
};

Library& library() {
  // Never destroyed: when statics are, the CUDA runtime may be gone already.
  static std::array<std::atomic<Library*>, kMaxDevices> libraries{};
  static std::mutex creation;
  std::atomic<Library*>& slot = libraries[size_t(current_device())];
  if (Library* const made = slot.load(std::memory_order_acquire)) return *made;
  const std::lock_guard lock(creation);
  if (!slot.load(std::memory_order_relaxed)) slot.store(new Library(), std::memory_order_release);
  return *slot;
}

cublasStatus_t start(const Product& product, Descriptors& descriptors, const Plan& plan, void* d) {
  Tensor workspace;
  if (plan.workspace_bytes > 0)
    workspace = empty({int64_t(plan.workspace_bytes)}, TensorOptions(kByte).device(kCUDA));
  const double wide[] = {product.alpha, product.beta};
  const float narrow[] = {float(product.alpha), float(product.beta)};
  const bool is_double = product.shape.type == CUDA_R_64F;
  const void* const alpha = is_double ? static_cast<const void*>(&wide[0]) : &narrow[0];
  const void* const beta = is_double ? static_cast<const void*>(&wide[1]) : &narrow[1];
  return cublasLtMatmul(library().handle.get(), descriptors.operation.get(), alpha, product.a,
                        descriptors.a.get(), product.b, descriptors.b.get(), beta, product.d,
                        descriptors.d.get(), d, descriptors.d.get(), &plan.algorithm,
                        plan.workspace_bytes > 0 ? workspace.data_ptr() : nullptr,
                        plan.workspace_bytes, current_stream().native());
}

/// The fastest of `candidates`. Leaves the product's D and bias as garbage that run() then overwrites, except
/// where D is an input too: then the results go elsewhere.
Plan fastest(const Product& product, Descriptors& descriptors, std::span<const Plan> candidates) {
  const Shape& s = product.shape;
  Tensor other;
  if (product.beta != 0) {
    const int64_t element_bytes = s.type == CUDA_R_64F ? 8 : 4;  // 16-bit types take less
    other = empty({((s.batch - 1) * s.d_stride + s.n * s.d_ld) * element_bytes},
                  TensorOptions(kByte).device(kCUDA));
  }
  void* const d = other.defined() ? other.data_ptr() : product.d;
  Plan best = candidates.front();
  float best_time = std::numeric_limits<float>::infinity();
  for (const Plan& plan : candidates) {
    if (start(product, descriptors, plan, d) != CUBLAS_STATUS_SUCCESS) continue;  // warm-up
    Event before(true), after(true);
    before.record();
    for (int i = 0; i < kMeasuredRuns; ++i)
      check(start(product, descriptors, plan, d), "cublasLtMatmul");
    after.record();
    after.synchronize();
    if (const float time = before.elapsed_time(after); time < best_time) {
      best_time = time;
      best = plan;
    }
  }
  return best;
}

Plan make_plan(const Product& product, Descriptors& descriptors) {
  const Shape& shape = product.shape;
  Library& lib = library();
  Preference preference(shape, lib.max_workspace_bytes);
  std::array<cublasLtMatmulHeuristicResult_t, kCandidates> results{};
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      lib.handle.get(), descriptors.operation.get(), descriptors.a.get(), descriptors.b.get(),
      descriptors.d.get(), descriptors.d.get(), preference.get(), shape.measure ? kCandidates : 1,
      results.data(), &count);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<Plan> plans;
  for (int i = 0; i < count; ++i)
    if (results[size_t(i)].state == CUBLAS_STATUS_SUCCESS)
      plans.push_back({true, results[size_t(i)].algo, results[size_t(i)].workspaceSize});
  if (plans.empty()) return {};
  return plans.size() == 1 ? plans.front() : fastest(product, descriptors, plans);
}

/// The largest power of two up to 256 that divides the address.
uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data) | 256;
  return uint32_t(address & (~address + 1));
}

}  // namespace

bool run(const Product& request) {
  check_reports();
  Product product = request;
  Shape& shape = product.shape;
  shape.a_alignment = alignment_of(product.a);
  shape.b_alignment = alignment_of(product.b);
  shape.d_alignment = alignment_of(product.d);
  shape.bias_alignment = alignment_of(product.bias);
  shape.aux_alignment = alignment_of(product.aux);
  // Measuring waits for the GPU, which a capture forbids.
  shape.measure = globalContext().benchmarkCuBLASLt() && !current_stream().is_capturing();
  Descriptors descriptors(product);
  LruCache<Shape, Plan>& plans = library().plans;
  std::optional<Plan> plan = plans.find(shape);
  if (!plan) {
    plan = make_plan(product, descriptors);
    plans.insert(shape, *plan);
  }
  if (!plan->supported) return false;
  check(start(product, descriptors, *plan, product.d), "cublasLtMatmul");
  fg::cuda::detail::count_launch();
  return true;
}

CacheStats plan_stats() { return library().plans.stats(); }
void clear_plans() { library().plans.clear(); }

}  // namespace lt
}  // namespace fg::cuda
