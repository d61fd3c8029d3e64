// Copies on the GPU and across, for every pair of dtypes and the layouts that take paths of their own.
#include <doctest/doctest.h>

#include "autograd/ops/compare.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "cuda/launch.h"
#include "cuda/pinned.h"
#include "data/loader.h"
#include "tensor/factories.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;

namespace {

Tensor numbers(IntArrayRef sizes, ScalarType type) { return (rand(sizes) * 100).to(type); }

}  // namespace

TEST_CASE("a tensor survives the way to the GPU and back, in any layout") {
  if (!require_gpu()) return;
  for (const ScalarType type : kAllTypes) {
    for (const DimVector& sizes : {DimVector{}, DimVector{0}, DimVector{1}, DimVector{1027},
                                   DimVector{0, 3}, DimVector{33, 70}, DimVector{3, 4, 5}}) {
      const Tensor x = numbers(sizes, type);
      CAPTURE(x.toString());
      CHECK(equals_on_gpu(x.to(kCUDA), x));
      if (x.numel() == 0 || x.dim() < 2) continue;
      CHECK(equals_on_gpu(x.transpose(0, 1).to(kCUDA), x.transpose(0, 1)));
      CHECK(equals_on_gpu(x.slice(1, 1, nullopt, 2).to(kCUDA), x.slice(1, 1, nullopt, 2)));
      const Tensor column = x.narrow(1, 0, 1).expand(x.sizes());
      CHECK(equals_on_gpu(column.to(kCUDA), column));
      // Into a strided place on the other side.
      const Tensor place = zeros({sizes[0], 2 * sizes[1]}, TensorOptions(type).device(kCUDA));
      const Tensor plain = x.dim() == 2 ? x : x.select(2, 0);
      place.slice(1, 0, nullopt, 2).copy_(plain);
      CHECK(equals_on_gpu(place.slice(1, 0, nullopt, 2), plain));
      const Tensor host = zeros(place.sizes(), type);
      host.slice(1, 1, nullopt, 2).copy_(plain.to(kCUDA));
      CHECK(equal(host.slice(1, 1, nullopt, 2), plain));
    }
  }
}

TEST_CASE("casts on the GPU are the CPU's, for every pair of dtypes") {
  if (!require_gpu()) return;
  for (const ScalarType from : kAllTypes) {
    for (const ScalarType to : kAllTypes) {
      for (const int64_t width : {1, 8, 67}) {
        const Tensor x = numbers({31, width}, from), y = x.to(kCUDA);
        CAPTURE(str(from, " to ", to, ", ", width));
        CHECK(equals_on_gpu(y.to(to), x.to(to)));
        CHECK(equals_on_gpu(y.t().to(to), x.t().to(to)));
        CHECK(equals_on_gpu(y.t().to(to).contiguous(), x.t().to(to).contiguous()));
      }
    }
  }
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor extremes =
      tensor({0.0, -0.0, 1e-45, 6e-8, 65504.0, 65520.0, 3.4e38, 1e300, inf, -inf}, kDouble);
  for (const ScalarType to : {kHalf, kBFloat16, kFloat, kDouble}) {
    CHECK(equals_on_gpu(extremes.to(kCUDA).to(to), extremes.to(to)));
    CHECK(equals_on_gpu(extremes.to(kFloat).to(kCUDA).to(to), extremes.to(kFloat).to(to)));
  }
  const Tensor nan = full({5}, std::numeric_limits<double>::quiet_NaN(), kFloat).to(kCUDA);
  for (const ScalarType to : {kHalf, kBFloat16, kDouble})
    CHECK(nan.to(to).cpu().isnan().all().item<bool>());
}

TEST_CASE("transposes of all extents around the tile, batched and broadcast") {
  if (!require_gpu()) return;
  for (const int64_t rows : {2, 31, 32, 33, 65}) {
    for (const int64_t cols : {2, 31, 32, 33, 100}) {
      for (const ScalarType type : {kByte, kHalf, kFloat, kDouble}) {
        const Tensor x = numbers({3, rows, cols}, type), y = x.to(kCUDA);
        CAPTURE(str(rows, " x ", cols, " ", type));
        CHECK(equals_on_gpu(y.transpose(1, 2).contiguous(), x.transpose(1, 2).contiguous()));
        CHECK(equals_on_gpu(y.permute({2, 0, 1}).contiguous(), x.permute({2, 0, 1}).contiguous()));
        CHECK(equals_on_gpu(y.permute({2, 1, 0}).contiguous(), x.permute({2, 1, 0}).contiguous()));
      }
    }
  }
}

TEST_CASE("a copy is one launch or none, and none waits for the GPU") {
  if (!require_gpu()) return;
  const Tensor x = rand({64, 64}).to(kCUDA);
  int64_t before = cuda::launch_count();
  x.clone();
  CHECK(cuda::launch_count() == before);  // the runtime's own copy
  x.t().contiguous();
  CHECK(cuda::launch_count() == before + 1);
  x.to(kBFloat16);
  CHECK(cuda::launch_count() == before + 2);
}

TEST_CASE("pinned memory and copies that do not block") {
  if (!require_gpu()) return;
  const Tensor x = rand({1000, 100});
  const Tensor pinned = x.pin_memory();
  CHECK(pinned.is_pinned());
  CHECK(!x.is_pinned());
  CHECK(pinned.pin_memory().is_same(pinned));
  const Tensor there = pinned.to(kCUDA, kFloat, /*non_blocking=*/true);
  const Tensor back = empty(x.sizes(), TensorOptions(kFloat).pinned_memory(true));
  back.copy_(there + 1, /*non_blocking=*/true);
  cuda::current_stream().synchronize();
  CHECK(equal(back, x + 1));
}

TEST_CASE("a data loader pins its batches, with and without workers") {
  if (!require_gpu()) return;
  const Tensor x = rand({10, 3}), y = arange(10);
  for (const size_t workers : {0, 2}) {
    auto loader = data::make_data_loader<data::samplers::SequentialSampler>(
        data::datasets::TensorBatches(x, y),
        data::DataLoaderOptions(4).workers(workers).pin_memory(true));
    int64_t at = 0;
    for (const auto& batch : *loader) {
      CHECK(batch.data.is_pinned());
      CHECK(batch.target.is_pinned());
      const auto there = batch.to(kCUDA, /*non_blocking=*/true);
      CHECK(equals_on_gpu(there.data, x.narrow(0, at, batch.data.size(0))));
      at += batch.data.size(0);
    }
    CHECK(at == 10);
  }
}

TEST_CASE("gradients cross devices") {
  if (!require_gpu()) return;
  const Tensor x = rand({4, 5}).requires_grad_(true);
  const Tensor factor = tensor(3.0, kFloat).requires_grad_(true);  // a number on the CPU
  (x.to(kCUDA) * factor).sum().backward();
  CHECK(x.grad().is_cpu());
  CHECK(equal(x.grad(), full({4, 5}, 3.0)));
  CHECK(factor.grad().is_cpu());
  CHECK(allclose(factor.grad(), x.detach().sum()));
  CHECK_THROWS_WITH_AS(x.to(kCUDA) + x, "add: tensors must be on one device, got cuda:0 and cpu",
                       Error);
  const Tensor number = tensor(1.0);
  CHECK_THROWS_AS(number.add_(x.detach().to(kCUDA).select(0, 0).select(0, 0)), Error);
}
