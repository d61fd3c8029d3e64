// Indexing on the GPU against the CPU: reads and writes move elements and must agree to the bit; additions in
// floating point differ by the order of long sums only.
#include <cmath>

#include "autograd/ops/compare.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/view.h"
#include "cuda/device.h"
#include "tests/cuda_close.h"
#include "tests/gpu.h"

using namespace fg;
using namespace fg::test;
using indexing::None;
using indexing::Slice;
using indexing::TensorIndex;

namespace {

constexpr ScalarType kTypes[] = {kFloat, kDouble, kHalf, kBFloat16, kByte,
                                 kShort, kInt,    kLong, kBool};

Generator& generator() {
  static Generator source;
  return source;
}

Tensor numbers(IntArrayRef sizes, ScalarType type = kFloat) {
  const Tensor x = empty(sizes, kDouble);
  return x.uniform_(0, 100, generator()).to(type);
}
Tensor entries(IntArrayRef sizes, int64_t low, int64_t high) {
  const Tensor x = empty(sizes, kLong);
  return x.random_(low, high, generator());
}

bool same(const Tensor& gpu, const Tensor& cpu) {
  return gpu.is_cuda() && gpu.dtype() == cpu.dtype() && gpu.sizes() == cpu.sizes() &&
         allclose(gpu.cpu().to(kDouble), cpu.to(kDouble), 0, 0, true);
}

/// Runs op on CPU tensors and on the same on the GPU, strides included.
template <class Op>
void check_same(const Op& op, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> moved;
  for (const Tensor& t : inputs) moved.push_back(on_gpu(t));
  CHECK(same(op(moved), op(inputs)));
}

}  // namespace

TEST_CASE("cuda index: rows of tables of every width and type") {
  if (!require_gpu()) return;
  const auto select0 = [](const auto& in) { return in[0].index_select(0, in[1]); };
  const auto select1 = [](const auto& in) { return in[0].index_select(1, in[1]); };
  const auto put = [](const auto& in) { return index_copy(in[0], 0, in[1], in[2]); };
  for (const ScalarType type : kTypes) {
    for (const int64_t width : {1, 2, 3, 4, 8, 16, 33, 64, 257}) {
      CAPTURE(type);
      CAPTURE(width);
      const Tensor table = numbers({37, width}, type);
      for (const int64_t count : {0, 1, 5, 300}) {
        const Tensor rows = entries({count}, 0, 37);
        check_same(select0, {table, rows});
        check_same(select1, {table.t(), rows});
        check_same(select0, {table.t().contiguous().t(), rows});
        check_same(put, {table, rows, numbers({count, width}, type)});
      }
      // One element off the start: narrower words.
      const Tensor shifted = numbers({37 * width + 1}, type).slice(0, 1).view({37, width});
      check_same(select0, {shifted, entries({9}, 0, 37)});
    }
  }
}

TEST_CASE("cuda index: lists of index tensors, slices and negative entries") {
  if (!require_gpu()) return;
  const Tensor x = numbers({5, 6, 7, 8}), strided = numbers({6, 8, 5, 7}).permute({2, 0, 3, 1});
  const Tensor i = entries({4, 3}, -5, 5), j = entries({3}, -6, 6), k = entries({4, 1}, -7, 7);
  const auto read = [](std::vector<TensorIndex> list, bool on_cuda, const Tensor& from) {
    if (on_cuda)
      for (TensorIndex& entry : list)
        if (entry.is_tensor()) entry = TensorIndex(entry.tensor().to(kCUDA));
    return from.index(list);
  };
  const std::vector<std::vector<TensorIndex>> lists = {{i},
                                                       {Slice(), j},
                                                       {i, j},
                                                       {i, Slice(), k},
                                                       {None, Slice(), j, k},
                                                       {i, j, k},
                                                       {i, j, k, entries({3}, -8, 8)},
                                                       {i, j, Slice(1, 6, 2), entries({3}, -8, 8)}};
  for (const auto& list : lists) {
    CHECK(same(read(list, true, x.to(kCUDA)), read(list, false, x)));
    CHECK(same(read(list, true, on_gpu(strided)), read(list, false, strided)));
  }
  const Tensor six = numbers({2, 3, 2, 3, 2, 3});
  std::vector<TensorIndex> deep;
  for (int64_t d = 0; d < 6; ++d) deep.push_back(entries({11}, 0, six.size(d)));
  CHECK(same(read(deep, true, six.to(kCUDA)), read(deep, false, six)));
}

TEST_CASE("cuda index: of several writes the last stays") {
  if (!require_gpu()) return;
  const auto put = [](const auto& in) { return index_put(in[0], {in[1]}, in[2]); };
  const auto put2 = [](const auto& in) { return index_put(in[0], {in[1], in[2]}, in[3]); };
  const auto scatter0 = [](const auto& in) { return in[0].scatter(0, in[1], in[2]); };
  const auto scatter1 = [](const auto& in) { return in[0].scatter(1, in[1], in[2]); };
  for (const int64_t count : {1, 2, 31, 32, 33, 1000, 5000}) {
    CAPTURE(count);
    check_same(put, {numbers({9}), entries({count}, -9, 9), numbers({count})});
    check_same(put, {numbers({9, 12}), entries({count}, -9, 9), numbers({count, 12})});
    check_same(put, {numbers({9, 12}), entries({count}, -9, 9), numbers({count, 1})});
    check_same(put, {numbers({9, 4}), entries({count}, -9, 9), full({}, 7.0, kFloat)});
    check_same(put2, {numbers({3, 3, 4}), entries({count}, 0, 3), entries({count}, 0, 3),
                      numbers({count, 4})});
    check_same(scatter0, {numbers({4, 8}), entries({count, 7}, 0, 4), numbers({count, 8})});
    check_same(scatter1, {numbers({5, 6}), entries({5, count}, 0, 6), numbers({5, count})});
    const Tensor spread = entries({count, 1}, 0, 4).expand({count, 8});
    check_same(scatter0, {numbers({4, 8}), spread, numbers({count, 8})});
  }
  const Tensor column = numbers({40, 3}, kHalf).select(1, 1);
  check_same([](const auto& in) { return in[0].clone().index_fill_(0, in[1], 3); },
             {column, entries({30}, -40, 40)});
}

TEST_CASE("cuda index: additions") {
  if (!require_gpu()) return;
  const auto add = [](const auto& in) { return index_add(in[0], 0, in[1], in[2]); };
  const auto scatter = [](const auto& in) { return in[0].scatter_add(1, in[1], in[2]); };
  for (const ScalarType type : {kByte, kInt, kLong, kBool}) {
    for (const int64_t width : {1, 3, 16, 40}) {
      check_same(add,
                 {numbers({7, width}, type), entries({500}, 0, 7), numbers({500, width}, type)});
      check_same(scatter,
                 {numbers({4, width}, type), entries({4, 90}, 0, width), numbers({4, 90}, type)});
    }
  }
  // Runs that span chunks, of both lengths; exact in double, to a few roundings in the others.
  for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
    for (const int64_t count : {1, 33, 1000, 140000}) {
      for (const int64_t width : {1, 5, 8}) {
        if (count > 1000 && width > 1) continue;
        CAPTURE(type);
        CAPTURE(count);
        CAPTURE(width);
        const Tensor x = random_values({3, width}, type), rows = entries({count}, 0, 3);
        const Tensor values = random_values({count, width}, type);
        const Tensor got = add(std::vector<Tensor>{x.to(kCUDA), rows.to(kCUDA), values.to(kCUDA)});
        const auto in_double = [&](const Tensor& a, const Tensor& b) {
          return index_add(a.to(kDouble), 0, rows, b.to(kDouble));
        };
        check_within(got, in_double(x, values), in_double(x.abs(), values.abs()) + 0.01,
                     product_tolerance(type, std::min<int64_t>(count, 1000)) / 2);
        CHECK(equal(got, add(std::vector<Tensor>{x.to(kCUDA), rows.to(kCUDA), values.to(kCUDA)})));
      }
    }
  }
}

TEST_CASE("cuda index: small additions to a 16-bit element are not lost") {
  if (!require_gpu()) return;
  const Tensor ones = full({4096}, 1.0, kBFloat16), at = zeros({4096}, kLong);
  const Tensor sum =
      index_add(full({1}, 256.0, kBFloat16).to(kCUDA), 0, at.to(kCUDA), ones.to(kCUDA));
  CHECK(sum.cpu().item<float>() == 4352);  // 256 + 1 is 256 in bfloat16
}

TEST_CASE("cuda index: masks and positions") {
  if (!require_gpu()) return;
  const auto positions = [](const auto& in) { return in[0].nonzero(); };
  for (const DimVector& sizes :
       {DimVector{}, DimVector{0}, DimVector{1}, DimVector{3, 0, 2}, DimVector{4095},
        DimVector{4096}, DimVector{4097}, DimVector{9, 70, 31}, DimVector{2, 3, 4, 5}})
    for (const double share : {0.0, 0.03, 0.7, 1.0})
      check_same(positions, {numbers(sizes).lt(100 * share)});
  check_same(positions, {numbers({5000}).lt(50).slice(0, 1)});
  const Tensor x = numbers({6, 50}), mask = numbers({6, 50}).lt(30);
  check_same([](const auto& in) { return in[0].masked_select(in[1]); }, {x, mask});
  check_same([](const auto& in) { return in[0].masked_select(in[1]); }, {x, mask.select(0, 0)});
  for (const ScalarType type : kTypes)
    check_same([](const auto& in) { return in[0].masked_fill(in[1], Scalar(3)); },
               {x.to(type), mask});
  check_same([](const auto& in) { return in[0].masked_fill(in[1], in[2]); },
             {x.t(), mask.t(), full({}, 2.5, kFloat)});
  check_same([](const auto& in) { return masked_scatter(in[0], in[1], in[2]); },
             {x, mask, numbers({400})});
}

TEST_CASE("cuda index: entries out of range are reported and skipped") {
  if (!require_gpu()) return;
  const Tensor x = arange(5, kFloat).to(kCUDA);
  const auto at = [](std::initializer_list<int64_t> list) {
    return tensor(std::vector<int64_t>(list), kLong).to(kCUDA);
  };
  const auto message = [](const std::function<void()>& run) -> std::string {
    try {
      run();
      cuda::synchronize();
    } catch (const IndexError& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message([&] { x.index({at({1, 5})}); }) == "index: index must lie in [-5, 5), got 5");
  CHECK(message([&] { x.index({at({-6})}); }) == "index: index must lie in [-5, 5), got -6");
  CHECK(message([&] { x.gather(0, at({-1})); }) == "index: index must lie in [0, 5), got -1");
  CHECK(message([&] { x.index_select(0, at({7})); }) == "index: index must lie in [0, 5), got 7");
  CHECK(message([&] {
          x.view({5, 1}).index({at({1}), at({1})});
        }) == "index: index must lie in [-1, 1), got 1");
  const Tensor target = zeros({5}, kFloat).to(kCUDA), ones = full({4}, 1.0, kFloat).to(kCUDA);
  CHECK(message([&] {
          target.scatter_add_(0, at({0, 9, 4, 0}), ones);
        }) == "index: index must lie in [0, 5), got 9");
  CHECK(message([&] {
          target.fill_(0).scatter_(0, at({2, 8, 2, 3}), ones);
        }) == "index: index must lie in [0, 5), got 8");
  CHECK(message([&] {
          target.fill_(0).index_fill_(0, at({2, 8, -1}), 1);
        }) == "index: index must lie in [-5, 5), got 8");
  CHECK(equal(target.cpu(), tensor({0.f, 0.f, 1.f, 0.f, 1.f})));
}

TEST_CASE("cuda join: any number of inputs in one launch per 128") {
  if (!require_gpu()) return;
  const auto join = [](int64_t dim) {
    return [dim](const std::vector<Tensor>& in) { return cat(in, dim); };
  };
  for (const ScalarType type : {kFloat, kHalf, kByte, kDouble}) {
    for (const int64_t dim : {0, 1, 2}) {
      std::vector<Tensor> inputs;
      for (const int64_t extent : {3, 0, 1, 8, 16, 5}) {
        DimVector sizes = {4, 8, 6};
        sizes[size_t(dim)] = extent;
        inputs.push_back(numbers(sizes, type));
      }
      check_same(join(dim), inputs);
      for (Tensor& input : inputs) input = input.transpose(0, 2);
      check_same(join(2 - dim), inputs);
    }
  }
  std::vector<Tensor> many;
  for (int64_t i = 0; i < 300; ++i) many.push_back(numbers({i % 7, 3}));
  check_same(join(0), many);
}

TEST_CASE("cuda triangle: any diagonal and stride") {
  if (!require_gpu()) return;
  for (const int64_t diagonal : {-40, -2, 0, 1, 5, 40}) {
    for (const Tensor& x : {numbers({7, 7}), numbers({3, 5, 9}), numbers({9, 33}).t(),
                            numbers({2, 6, 4}, kHalf).transpose(0, 1), numbers({4, 0})}) {
      check_same([&](const auto& in) { return tril(in[0], diagonal); }, {x});
      check_same([&](const auto& in) { return triu(in[0], diagonal); }, {x});
    }
  }
}
