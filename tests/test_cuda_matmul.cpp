// Products of matrices on the GPU: strides, batches, scalars, extents of zero, integers, precision switches, plans.
#include <cmath>
#include <limits>

#include "autograd/ops/view.h"
#include "cuda/allocator.h"
#include "cuda/check.h"
#include "cuda/cublaslt.h"
#include "cuda/device.h"
#include "cuda/kernels/row_major.h"
#include "cuda/launch.h"
#include "cuda/precision.h"
#include "tensor/kernels/matmul.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// How a (batch, rows, cols) operand lies in memory.
enum class Lies {
  dense,
  transposed,
  padded,             // rows further apart than they are long
  padded_transposed,  // the same with columns
  misaligned,         // one element behind the storage's begin
  scattered,          // no stride is 1
  repeated_rows,      // all rows are one
  repeated,           // all matrices of the batch are one
};
constexpr Lies kAll[] = {
    Lies::dense,      Lies::transposed, Lies::padded,        Lies::padded_transposed,
    Lies::misaligned, Lies::scattered,  Lies::repeated_rows, Lies::repeated};

Tensor operand(int64_t batch, int64_t rows, int64_t cols, ScalarType type, Lies lies) {
  switch (lies) {
    case Lies::dense:
      return random_values({batch, rows, cols}, type);
    case Lies::transposed:
      return random_values({batch, cols, rows}, type).transpose(1, 2);
    case Lies::padded:
      return random_values({batch, rows, cols + 3}, type).slice(2, 1, cols + 1);
    case Lies::padded_transposed:
      return random_values({batch, cols, rows + 3}, type).slice(2, 1, rows + 1).transpose(1, 2);
    case Lies::misaligned:
      return random_values({batch * rows * cols + 1}, type).slice(0, 1).view({batch, rows, cols});
    case Lies::scattered:
      return random_values({batch, rows, 2 * cols}, type).slice(2, 0, 2 * cols, 2);
    case Lies::repeated_rows:
      return random_values({batch, 1, cols}, type).expand({batch, rows, cols});
    default:
      return random_values({1, rows, cols}, type).expand({batch, rows, cols});
  }
}

/// cuda::batched_matmul against double on the CPU.
void check_product(const Tensor& a, const Tensor& b, double alpha, double beta) {
  DimVector sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(-1);
  const Tensor out = random_values(sizes, a.dtype()), device_out = on_gpu(out);
  cuda::batched_matmul(device_out, on_gpu(a), on_gpu(b), alpha, beta);
  const Tensor x = to_double(a), y = to_double(b), old = to_double(out);
  const Tensor bound = matmul(x.abs(), y.abs()) * std::abs(alpha) + old.abs() * std::abs(beta);
  check_within(device_out, matmul(x, y) * alpha + old * beta, bound,
               product_tolerance(a.dtype(), a.size(-1)));
}

/// Puts the process's switches back.
struct SwitchGuard {
  ~SwitchGuard() {
    set_float32_matmul_precision("highest");
    globalContext().setAllowBF16ReductionCuBLAS(true);
    globalContext().setAllowFP16ReductionCuBLAS(true);
    globalContext().setBenchmarkCuBLASLt(false);
  }
};

}  // namespace

TEST_CASE("cuda matmul: each way of lying in memory, one product") {
  if (!require_gpu()) return;
  const int64_t extents[][3] = {{1, 1, 1}, {7, 13, 5},   {1, 40, 3},  {3, 40, 1},
                                {4, 1, 6}, {33, 65, 17}, {32, 64, 48}};
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    for (const auto& [m, k, n] : extents) {
      for (const Lies a : kAll) {
        for (const Lies b : kAll) {
          CAPTURE(std::string(to_string(type)));
          CAPTURE(int(a));
          CAPTURE(int(b));
          CAPTURE(m * 10000 + k * 100 + n);
          check_product(operand(1, m, k, type, a)[0], operand(1, k, n, type, b)[0], 1, 0);
        }
      }
    }
  }
}

TEST_CASE("cuda matmul: batches and scalars") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    for (const Lies a : kAll) {
      for (const Lies b : kAll) {
        CAPTURE(std::string(to_string(type)));
        CAPTURE(int(a));
        CAPTURE(int(b));
        check_product(operand(3, 9, 12, type, a), operand(3, 12, 5, type, b), 0.5, 0);
        check_product(operand(2, 1, 7, type, a), operand(2, 7, 8, type, b), 2, -1);
        check_product(operand(2, 6, 4, type, a)[1], operand(2, 4, 3, type, b)[1], 1, 0.25);
      }
    }
  }
  check_product(random_values({70000, 1, 2}, kFloat), random_values({70000, 2, 1}, kFloat), 1, 0);
}

TEST_CASE("cuda matmul: nothing to multiply, nothing to read") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    const auto gpu = TensorOptions(type).device(kCUDA);
    CHECK(mm(empty({0, 3}, gpu), empty({3, 2}, gpu)).sizes() == IntArrayRef({0, 2}));
    CHECK(bmm(empty({0, 2, 3}, gpu), empty({0, 3, 2}, gpu)).numel() == 0);
    CHECK(mm(empty({2, 0}, gpu), empty({0, 3}, gpu)).cpu().equal(zeros({2, 3}, type)));
    const Tensor self = full({2, 3}, 4, gpu);
    CHECK(addmm(self, empty({2, 0}, gpu), empty({0, 3}, gpu), 0.5)
              .cpu()
              .equal(full({2, 3}, 2, type)));
    const Tensor bad = full({2, 2}, kNaN, gpu), good = ones({2, 2}, gpu);
    CHECK(addmm(bad, good, good, 0, 1).cpu().equal(full({2, 2}, 2, type)));
    CHECK(addmm(good, bad, bad, 3, 0).cpu().equal(full({2, 2}, 3, type)));
    CHECK(mm(bad, good).cpu().isnan().all().item<bool>());
  }
}

TEST_CASE("cuda matmul: integers wrap") {
  if (!require_gpu()) return;
  for (const auto& [m, k, n] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {15, 16, 17}, {16, 1, 16}, {40, 50, 33}, {2, 0, 3}}) {
    for (const Lies lies : kAll) {
      const Tensor a = (operand(2, m, k, kDouble, lies) * 0x1p62).to(kLong);
      const Tensor b = (operand(2, k, n, kDouble, lies) * 1000).to(kLong);
      CHECK(bmm(a.to(kCUDA), b.to(kCUDA)).cpu().equal(bmm(a, b)));
      CHECK(mm(a[1].to(kCUDA), b[0].to(kCUDA)).cpu().equal(mm(a[1], b[0])));
    }
  }
  const Tensor strided = arange(24).view({4, 6}).slice(1, 0, 6, 2);
  CHECK(mm(on_gpu(strided), on_gpu(strided.t())).cpu().equal(mm(strided, strided.t())));
  const Tensor a = arange(12).view({3, 4}), self = arange(9).view({3, 3});
  CHECK(addmm(self.to(kCUDA), a.to(kCUDA), a.t().to(kCUDA), 2, 3)
            .cpu()
            .equal(addmm(self, a, a.t(), 2, 3)));
  const Tensor bytes = a.to(kByte) * 9;
  CHECK(mm(bytes.to(kCUDA), bytes.t().to(kCUDA)).cpu().equal(mm(bytes, bytes.t())));
}

TEST_CASE("cuda matmul: precision follows PyTorch's switches") {
  const SwitchGuard guard;
  Context& context = globalContext();
  CHECK_FALSE(context.allowTF32CuBLAS());
  CHECK(context.allowTF32CuDNN());
  CHECK(context.allowBF16ReductionCuBLAS());
  CHECK(context.allowFP16ReductionCuBLAS());
  CHECK(get_float32_matmul_precision() == "highest");
  context.setAllowTF32CuBLAS(true);
  CHECK(get_float32_matmul_precision() == "high");
  set_float32_matmul_precision("medium");
  CHECK(context.allowTF32CuBLAS());
  context.setAllowTF32CuBLAS(false);
  CHECK(context.float32MatmulPrecision() == Float32MatmulPrecision::HIGHEST);
  CHECK_THROWS_WITH_AS(
      set_float32_matmul_precision("low"),
      "set_float32_matmul_precision: precision must be highest, high or medium, got low", Error);
  if (!require_gpu()) return;
  const Tensor a = random_values({128, 128}, kFloat), b = random_values({128, 128}, kFloat);
  const Tensor bound = mm(to_double(a).abs(), to_double(b).abs());
  const Tensor expected = mm(to_double(a), to_double(b));
  const auto error = [&] {
    const Tensor got = to_double(mm(a.to(kCUDA), b.to(kCUDA)));
    return ((got - expected).abs() / bound).max().item<double>();
  };
  CHECK(error() <= product_tolerance(kFloat, 128));
  set_float32_matmul_precision("high");
  const double tf32_error = error();
  CHECK(tf32_error > 0x1p-17);     // float32 would be far below
  CHECK(tf32_error <= 0x1.1p-10);  // each factor is off by up to 2^-11
  for (const ScalarType type : {kHalf, kBFloat16}) {
    context.setAllowBF16ReductionCuBLAS(false);
    context.setAllowFP16ReductionCuBLAS(false);
    check_product(random_values({16, 4096}, type), random_values({4096, 16}, type), 1, 0);
  }
}

TEST_CASE("cuda matmul: operands in the other order") {
  if (!require_gpu()) return;
  for (const Lies lies : kAll) {
    for (const bool transpose : {false, true}) {
      for (const int64_t batch : {1, 3}) {
        for (const bool on_device : {false, true}) {
          CAPTURE(int(lies));
          CAPTURE(transpose);
          const Tensor a = operand(batch, 4, 6, kFloat, lies), b = random_values({3, 5, 5}, kFloat);
          const Tensor source = on_device ? on_gpu(a) : a;
          MatrixStack stack(source, transpose);
          const MatrixStack before = stack;
          stack.flip_order();
          CHECK(stack.transposed != before.transposed);
          CHECK((stack.step == 0) == (before.step == 0));
          const Tensor values = stack.tensor.cpu(), expected = transpose ? a.transpose(1, 2) : a;
          const float* const data = values.data_ptr<float>();
          for (int64_t i = 0; i < batch; ++i)
            for (int64_t r = 0; r < stack.rows; ++r)
              for (int64_t c = 0; c < stack.cols; ++c) {
                const int64_t at = stack.transposed ? r + c * stack.ld : r * stack.ld + c;
                CHECK(data[i * stack.step + at] == expected[i][r][c].item<float>());
              }
        }
      }
    }
  }
}

TEST_CASE("cuda matmul: TF32 products copy operands into K-major order where that pays") {
  if (!require_gpu()) return;
  const SwitchGuard guard;
  set_float32_matmul_precision("high");
  if (cuda::device_properties().major == 9) {
    const auto flips = [](int64_t rows, int64_t cols, int64_t k, bool x, bool y) {
      const cuda::OrderFlips f = cuda::flips_that_pay(rows, cols, k, 1, x, y);
      return (f.x ? 1 : 0) + (f.y ? 2 : 0);
    };
    CHECK(flips(8192, 8192, 1024, false, false) == 3);
    CHECK(flips(8192, 8192, 1024, true, true) == 0);
    CHECK(flips(8192, 8192, 1022, false, false) == 0);
    CHECK(flips(1024, 8192, 8192, true, false) == 0);  // a weight of 268 MB for 10 %
    CHECK(flips(768, 3072, 8192, false, false) == 1);  // the smaller one
    CHECK(flips(3072, 768, 8192, false, false) == 2);
    CHECK(flips(512, 512, 512, false, false) == 0);
  }
  // One that pays, as cheap for the emulation as such a product can be.
  const Tensor x = random_values({8192, 256}, kFloat).to(kCUDA);
  const Tensor y = random_values({8192, 2048}, kFloat).to(kCUDA);
  const int64_t before = cuda::launch_count();
  const Tensor got = mm(x.t(), y);
  if (cuda::device_properties().major == 9) CHECK(cuda::launch_count() == before + 2);
  const Tensor a = x.slice(1, 0, 256, 51).cpu(), b = y.slice(1, 0, 2048, 409).cpu();
  const Tensor part = got.slice(0, 0, 256, 51).slice(1, 0, 2048, 409);
  check_within(part, mm(to_double(a).t(), to_double(b)),
               mm(to_double(a).abs().t(), to_double(b).abs()),
               0x1.1p-10 + product_tolerance(kFloat, 8192));
}

TEST_CASE("cuda matmul: plans are found again by shape, and bounded") {
  if (!require_gpu()) return;
  const auto gpu = TensorOptions(kFloat).device(kCUDA);
  const auto misses_of = [](const Tensor& a, const Tensor& b) {
    const int64_t before = cuda::lt::plan_stats().misses;
    mm(a, b);
    return cuda::lt::plan_stats().misses - before;
  };
  cuda::lt::clear_plans();
  const Tensor a = ones({8, 16}, gpu), b = ones({16, 4}, gpu);
  CHECK(misses_of(a, b) == 1);
  CHECK(misses_of(a, b) == 0);
  CHECK(cuda::lt::plan_stats().hits == 1);
  CHECK(misses_of(a.clone(), b.clone()) == 0);
  CHECK(misses_of(a, ones({4, 16}, gpu).t()) == 1);
  CHECK(misses_of(ones({8, 17}, gpu).slice(1, 0, 16), b) == 1);
  CHECK(misses_of(ones({129}, gpu).slice(0, 1).view({8, 16}), b) == 1);
  CHECK(misses_of(a.to(kHalf), b.to(kHalf)) == 1);
  {
    const SwitchGuard guard;
    set_float32_matmul_precision("high");
    CHECK(misses_of(a, b) == 1);
  }
  CHECK(misses_of(a, b) == 0);
  CHECK(cuda::lt::plan_stats().size == 6);
  for (int64_t n = 1; n <= 1100; ++n) mm(ones({1, 1}, gpu), ones({1, n}, gpu));
  CHECK(cuda::lt::plan_stats().size == 1024);
  CHECK(misses_of(ones({1, 1}, gpu), ones({1, 1100}, gpu)) == 0);
  CHECK(misses_of(ones({1, 1}, gpu), ones({1, 1}, gpu)) == 1);
  CHECK(misses_of(a, b) == 1);
}

TEST_CASE("cuda matmul: measuring changes no result") {
  if (!require_gpu()) return;
  const SwitchGuard guard;
  globalContext().setBenchmarkCuBLASLt(true);
  for (const ScalarType type : {kFloat, kDouble, kBFloat16}) {
    cuda::lt::clear_plans();
    check_product(random_values({2, 24, 40}, type), random_values({2, 40, 8}, type), 1, 1);
    cuda::lt::clear_plans();
    check_product(random_values({2, 24, 40}, type), random_values({2, 40, 8}, type), 1, 0);
  }
  const auto stats = cuda::lt::plan_stats();
  check_product(random_values({2, 24, 40}, kBFloat16), random_values({2, 40, 8}, kBFloat16), 1, 0);
  CHECK(cuda::lt::plan_stats().hits == stats.hits + 1);
}

TEST_CASE("cuda matmul: one launch; captured, its workspace stays with the graph") {
  if (!require_gpu()) return;
  const Tensor a = random_values({16, 24}, kFloat), b = random_values({24, 8}, kFloat);
  const Tensor x = a.to(kCUDA), y = b.to(kCUDA);
  cuda::synchronize();
  const cuda::Stream stream = cuda::Stream::from_pool();
  const cuda::StreamGuard guard(stream);
  cuda::MemoryPool pool;
  pool.begin(stream);
  CUDA_CHECK(cudaStreamBeginCapture(stream.native(), cudaStreamCaptureModeThreadLocal));
  const int64_t before = cuda::launch_count();
  const Tensor out = mm(x, y);
  CHECK(cuda::launch_count() == before + 1);
  cudaGraph_t graph;
  CUDA_CHECK(cudaStreamEndCapture(stream.native(), &graph));
  pool.end(stream);
  cudaGraphExec_t program;
  CUDA_CHECK(cudaGraphInstantiate(&program, graph, 0));
  for (const double scale : {1.0, 2.0}) {
    x.copy_(a * scale);
    CUDA_CHECK(cudaGraphLaunch(program, stream.native()));
    stream.synchronize();
    check_within(out, mm(to_double(a), to_double(b)) * scale,
                 mm(to_double(a).abs(), to_double(b).abs()) * scale, product_tolerance(kFloat, 24));
  }
  CUDA_CHECK(cudaGraphExecDestroy(program));
  CUDA_CHECK(cudaGraphDestroy(graph));
}
