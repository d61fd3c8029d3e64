// The host emulation of CUDA (tests/cuda_host): its stand-ins for CUB.
#include <cmath>
#include <limits>
#include <numeric>

#include <cub/cub.cuh>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include "cuda_host/test_util.h"

namespace {

/// Calls a CUB algorithm twice, as its callers do: for the size of its storage, then to work.
template <class Call>
cudaError_t with_storage(Call call) {
  size_t bytes = 0;
  REQUIRE(call(nullptr, bytes) == cudaSuccess);
  REQUIRE(bytes > 0);
  const DeviceArray<char> storage(bytes);
  return call(storage.data(), bytes);
}

TEST_CASE("cuda_host: cub sorts pairs stably, with its order of zeros and NaN") {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  const DeviceArray<float> keys(std::vector<float>{2, 0.f, nan, -inf, -0.f, 2, -3}), sorted(7);
  const DeviceArray<int> values(std::vector<int>{0, 1, 2, 3, 4, 5, 6}), order(7);
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceRadixSort::SortPairs(storage, bytes, keys.data(), sorted.data(),
                                                   values.data(), order.data(), 7);
          }) == cudaSuccess);
  CHECK(order.values() == std::vector<int>{3, 6, 1, 4, 0, 5, 2});
  CHECK(std::signbit(sorted.values()[3]));
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceRadixSort::SortPairsDescending(
                storage, bytes, keys.data(), sorted.data(), values.data(), order.data(), 7);
          }) == cudaSuccess);
  CHECK(order.values() == std::vector<int>{2, 0, 5, 1, 4, 6, 3});
}

TEST_CASE("cuda_host: cub sorts keys by a range of bits, and of signed and unsigned types") {
  const DeviceArray<uint8_t> bytes_in(std::vector<uint8_t>{0x31, 0x12, 0x21, 0xf0}), bytes_out(4);
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceRadixSort::SortKeys(storage, bytes, bytes_in.data(), bytes_out.data(),
                                                  int64_t(4), 0, 4);
          }) == cudaSuccess);
  CHECK(bytes_out.values() == std::vector<uint8_t>{0xf0, 0x31, 0x21, 0x12});
  const DeviceArray<int64_t> in(
      std::vector<int64_t>{5, -7, 0, std::numeric_limits<int64_t>::min()});
  const DeviceArray<int64_t> out(4);
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceRadixSort::SortKeysDescending(storage, bytes, in.data(), out.data(),
                                                            4);
          }) == cudaSuccess);
  CHECK(out.values() == std::vector<int64_t>{5, 0, -7, std::numeric_limits<int64_t>::min()});
}

TEST_CASE("cuda_host: cub's double buffer names the side that holds the result") {
  const DeviceArray<int> first(std::vector<int>{3, 1, 2}), second(3);
  cub::DoubleBuffer<int> keys(first.data(), second.data());
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceRadixSort::SortKeys(storage, bytes, keys, 3);
          }) == cudaSuccess);
  CHECK(keys.Current() == second.data());
  CHECK(second.values() == std::vector<int>{1, 2, 3});
}

TEST_CASE("cuda_host: cub sorts segments and leaves what lies between them") {
  const DeviceArray<int> keys(std::vector<int>{3, 1, 9, 9, 2, 2, 1}), order(7);
  const DeviceArray<int> values(std::vector<int>{0, 1, 2, 3, 4, 5, 6});
  const DeviceArray<int> sorted(std::vector<int>(7, -1));
  const DeviceArray<int> begins(std::vector<int>{0, 4, 4}), ends(std::vector<int>{2, 4, 7});
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceSegmentedRadixSort::SortPairs(
                storage, bytes, keys.data(), sorted.data(), values.data(), order.data(), 7, 3,
                begins.data(), ends.data());
          }) == cudaSuccess);
  CHECK(sorted.values() == std::vector<int>{1, 3, -1, -1, 1, 2, 2});
  CHECK(order.values()[5] == 4);

  // Rows of a matrix: the offsets are computed.
  const auto offsets = thrust::make_transform_iterator(
      thrust::make_counting_iterator(0), [] __host__ __device__(int row) { return 3 * row; });
  REQUIRE(with_storage([&](void* storage, size_t& bytes) {
            return cub::DeviceSegmentedSort::StableSortPairsDescending(
                storage, bytes, keys.data(), sorted.data(), values.data(), order.data(), 6, 2,
                offsets, offsets + 1);
          }) == cudaSuccess);
  CHECK(sorted.values() == std::vector<int>{9, 3, 1, 9, 2, 2, 2});
  CHECK(order.values()[4] == 4);
}

TEST_CASE("cuda_host: cub scans, in place too, and over computed inputs") {
  const DeviceArray<int> data(std::vector<int>{1, 2, 3, 4}), out(4);
  const auto run = [](auto call) { REQUIRE(with_storage(call) == cudaSuccess); };
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, data.data(), out.data(), 4);
  });
  CHECK(out.values() == std::vector<int>{0, 1, 3, 6});
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::InclusiveScan(
        storage, bytes, thrust::make_counting_iterator(2), out.data(),
        [] __host__ __device__(int a, int b) { return a * b; }, 4);
  });
  CHECK(out.values() == std::vector<int>{2, 6, 24, 120});
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::ExclusiveScan(
        storage, bytes, data.data(), out.data(),
        [] __host__ __device__(int a, int b) { return a > b ? a : b; }, 2, 4);
  });
  CHECK(out.values() == std::vector<int>{2, 2, 2, 3});
  const DeviceArray<int> rows(std::vector<int>{0, 0, 1, 1});
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::InclusiveSumByKey(storage, bytes, rows.data(), data.data(), out.data(),
                                              4);
  });
  CHECK(out.values() == std::vector<int>{1, 3, 3, 7});
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(storage, bytes, data.data(), 4);
  });
  CHECK(data.values() == std::vector<int>{1, 3, 6, 10});
}

TEST_CASE("cuda_host: cub selects, encodes runs and reduces") {
  const DeviceArray<int> data(std::vector<int>{7, 7, 0, 3, 3, 3}), out(6), lengths(6);
  const DeviceArray<int64_t> count(1);
  const auto run = [](auto call) { REQUIRE(with_storage(call) == cudaSuccess); };
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceSelect::Flagged(storage, bytes, thrust::make_counting_iterator(int64_t(0)),
                                      data.data(), out.data(), count.data(), 6);
  });
  CHECK(count.values()[0] == 5);
  CHECK(out.values()[2] == 3);
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceSelect::If(storage, bytes, data.data(), out.data(), count.data(), 6,
                                 [] __host__ __device__(int x) { return x > 3; });
  });
  CHECK(count.values()[0] == 2);
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceRunLengthEncode::Encode(storage, bytes, data.data(), out.data(),
                                              lengths.data(), count.data(), 6);
  });
  CHECK(count.values()[0] == 3);
  CHECK(lengths.values()[2] == 3);
  const DeviceArray<int64_t> sum(1);
  run([&](void* storage, size_t& bytes) {
    return cub::DeviceReduce::Sum(storage, bytes, data.data(), sum.data(), 6);
  });
  CHECK(sum.values()[0] == 23);
}

TEST_CASE("cuda_host: cub refuses storage that is too small, and overlapping arrays") {
  const DeviceArray<int> keys(std::vector<int>{2, 1}), out(2);
  size_t bytes = 1;
  CHECK(cub::DeviceRadixSort::SortKeys(out.data(), bytes, keys.data(), out.data(), 2) ==
        cudaErrorInvalidValue);
  bytes = 1000;
  CHECK_THROWS_AS(
      (void)cub::DeviceRadixSort::SortKeys(out.data(), bytes, keys.data(), keys.data(), 2),
      cuda_host::Error);
}

}  // namespace
