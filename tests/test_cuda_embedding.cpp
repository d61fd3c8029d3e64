// Embedding lookups on the GPU and the gradients of their tables, against the CPU.
#include "autograd/ops/compare.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/view.h"
#include "cuda/device.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

constexpr ScalarType kFloatingTypes[] = {kFloat, kDouble, kHalf, kBFloat16};

/// How often each row is looked up.
enum class Load { even, one_row, few_rows, sparse };

Tensor indices_of(int64_t count, int64_t rows, Load load) {
  const Tensor spread = random_values({count}, kDouble).add(1).mul(0.5);
  switch (load) {
    case Load::even:
      return spread.mul(double(rows)).to(kLong);
    case Load::one_row:
      return full({count}, rows / 2, kLong);
    case Load::few_rows:  // most of them at the first row
      return spread.pow(8).mul(double(rows)).to(kLong);
    case Load::sparse:
      break;
  }
  return spread.mul(double(rows) / 8).to(kLong).mul(8).clamp(Scalar(0), Scalar(rows - 1));
}

}  // namespace

TEST_CASE("cuda embedding: rows of every dtype and width") {
  if (!require_gpu()) return;
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16, kLong, kByte, kBool, kInt}) {
    for (const int64_t width : {0, 1, 2, 3, 8, 17, 64, 130}) {
      CAPTURE(type);
      CAPTURE(width);
      const Tensor table = random_values({11, width}, kDouble).mul(100).to(type);
      const Tensor index = indices_of(60, 11, Load::even).view({3, 20});
      CHECK(equal(embedding(table.to(kCUDA), index.to(kCUDA)).cpu(), embedding(table, index)));
    }
  }
}

TEST_CASE("cuda embedding: gradients of light and heavy rows") {
  if (!require_gpu()) return;
  for (const ScalarType type : kFloatingTypes) {
    for (const Load load : {Load::even, Load::one_row, Load::few_rows, Load::sparse}) {
      for (const auto& [count, rows, width] : {std::array<int64_t, 3>{1, 1, 1},
                                               {0, 5, 4},
                                               {50, 7, 3},
                                               {300, 40, 8},
                                               {31, 2000, 16},
                                               {1500, 3, 5},
                                               {2100, 9, 8}}) {
        for (const bool by_freq : {false, true}) {
          CAPTURE(type);
          CAPTURE(int(load));
          CAPTURE(count);
          CAPTURE(rows);
          CAPTURE(width);
          CAPTURE(by_freq);
          const Tensor table = random_values({rows, width}, type);
          const Tensor index = indices_of(count, rows, load);
          const Tensor g = random_values({count, width}, type);
          const int64_t padding = rows > 5 ? 2 : -1;
          const auto grad = [&](const Tensor& leaf, const Tensor& gradient, Device device) {
            embedding(leaf, index.to(device), padding, by_freq).backward(gradient.to(device));
            return leaf.grad();
          };
          const Tensor got = grad(table.to(kCUDA).requires_grad_(), g, kCUDA);
          CHECK(got.dtype() == type);
          const Tensor expected = grad(to_double(table).requires_grad_(), to_double(g), kCPU);
          const Tensor size = grad(to_double(table).requires_grad_(), to_double(g).abs(), kCPU);
          // Terms are added one by one within a chunk (32 or the root of the count), then the chunks.
          const double computed = type == kDouble ? 0x1p-53 : 0x1p-24;
          check_within(got, expected, size, 130 * computed + unit_roundoff(type));
          CHECK(equal(grad(table.to(kCUDA).requires_grad_(), g, kCUDA).cpu(), got.cpu()));
        }
      }
    }
  }
}

TEST_CASE("cuda embedding: an index out of range is reported") {
  if (!require_gpu()) return;
  const Tensor table = zeros({7, 12}, TensorOptions(kFloat).device(kCUDA));
  for (const int64_t bad : {-1, 7}) {
    Tensor index = zeros({20}, kLong);
    index.select(0, 13).fill_(bad);
    std::string message = "no error";
    try {
      embedding(table, index.to(kCUDA));
      cuda::synchronize();
    } catch (const IndexError& error) {
      message = error.what();
    }
    CHECK(message == "embedding: indices must lie in [0, 7), got " + std::to_string(bad));
  }
}
