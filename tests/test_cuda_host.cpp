// The host emulation of CUDA (tests/cuda_host): threads, barriers, warps. Everything here is plain CUDA that
// nvcc compiles as well, but for what names cuda_host.
#include <cstdint>
#include <numeric>

#include "cuda_host/test_util.h"

namespace {

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const cuda_host::Error& error) {
    return error.what();
  }
  return "no error";
}
bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

/// Sets the order of threads and blocks for the length of a scope.
class WithOrder {
 public:
  explicit WithOrder(cuda_host::Order order) : former_(cuda_host::set_order(order)) {}
  ~WithOrder() { cuda_host::set_order(former_); }

 private:
  const cuda_host::Order former_;
};

template <class T>
__device__ T* shared_as() {
#ifdef FUSEGRAD_CUDA_HOST
  return static_cast<T*>(fusegrad_emulated_dynamic_shared());
#else
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<T*>(bytes);
#endif
}

__global__ void __launch_bounds__(256)
    add_kernel(const float* __restrict__ a, const float* __restrict__ b, float* out,
               int64_t count) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * blockDim.x)
    out[i] = __ldg(a + i) + b[i];
}

TEST_CASE("cuda_host: every thread of a grid-stride kernel runs once") {
  std::vector<float> a(1000), b(1000);
  std::iota(a.begin(), a.end(), 0.f);
  std::iota(b.begin(), b.end(), 1.f);
  const DeviceArray<float> device_a(a), device_b(b), out(1000);
  REQUIRE(launch(add_kernel, 3, 96, 0, device_a.data(), device_b.data(), out.data(), 1000) ==
          cudaSuccess);
  const std::vector<float> result = out.values();
  for (size_t i = 0; i < result.size(); ++i) REQUIRE(result[i] == 2 * float(i) + 1);
}

__global__ void indices_kernel(unsigned* out) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  atomicAdd(&out[block * blockDim.x * blockDim.y * blockDim.z + thread], block * 1000 + thread);
}

TEST_CASE("cuda_host: indices of three-dimensional grids and blocks") {
  std::vector<unsigned> expected(24 * 30);
  for (unsigned block = 0; block < 24; ++block)
    for (unsigned thread = 0; thread < 30; ++thread)
      expected[block * 30 + thread] = block * 1000 + thread;
  const DeviceArray<unsigned> out(std::vector<unsigned>(24 * 30));
  REQUIRE(launch(indices_kernel, dim3(2, 3, 4), dim3(5, 3, 2), 0, out.data()) == cudaSuccess);
  CHECK(out.values() == expected);
}

/// Sums `in` per block through static shared memory, then through shuffles of the first warp.
__global__ void block_sum_kernel(const double* in, double* out) {
  __shared__ double partial[256];
  partial[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half >= 32; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x >= 32) return;
  double sum = partial[threadIdx.x];
#pragma unroll
  for (int delta = 16; delta > 0; delta /= 2) sum += __shfl_down_sync(0xffffffffu, sum, delta);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

TEST_CASE("cuda_host: block sums by barriers and shuffles, in either order of threads") {
  std::vector<double> in(4 * 256);
  std::iota(in.begin(), in.end(), 0.0);
  const DeviceArray<double> device_in(in), out(4);
  for (const auto order : {cuda_host::Order::ascending, cuda_host::Order::descending}) {
    const WithOrder with_order(order);
    REQUIRE(launch(block_sum_kernel, 4, 256, 0, device_in.data(), out.data()) == cudaSuccess);
    const std::vector<double> sums = out.values();
    for (int block = 0; block < 4; ++block)
      CHECK(sums[size_t(block)] == 256.0 * (256 * block + 127.5));
  }
}

__global__ void missing_barrier_kernel(int* out) {
  __shared__ int values[64];
  values[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  const int next = values[(threadIdx.x + 1) % 64];
  // A barrier is missing here.
  values[threadIdx.x] = next;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

TEST_CASE("cuda_host: a missing barrier shows in one of the two orders") {
  const DeviceArray<int> out(64);
  const auto values = [&](cuda_host::Order order) {
    const WithOrder with_order(order);
    REQUIRE(launch(missing_barrier_kernel, 1, 64, 0, out.data()) == cudaSuccess);
    return out.values();
  };
  CHECK(values(cuda_host::Order::ascending) != values(cuda_host::Order::descending));
}

__global__ void dynamic_shared_kernel(float* out, int* alignment) {
  float* const values = shared_as<float>();
  if (threadIdx.x == 0) *alignment = int(reinterpret_cast<uintptr_t>(values) % 16);
  out[threadIdx.x] = values[threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = float(threadIdx.x);
  __syncthreads();
  out[blockDim.x + threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}

TEST_CASE("cuda_host: dynamic shared memory starts as NaN in every block") {
  const DeviceArray<float> out(64);
  const DeviceArray<int> alignment(1);
  REQUIRE(launch(dynamic_shared_kernel, 2, 32, 32 * sizeof(float), out.data(), alignment.data()) ==
          cudaSuccess);
  const std::vector<float> values = out.values();
  for (size_t i = 0; i < 32; ++i) {
    CHECK(values[i] != values[i]);
    CHECK(values[32 + i] == float(31 - i));
  }
  CHECK(alignment.values()[0] == 0);
}

struct Shuffled {
  int by_index, in_half, up, down, exclusive_or;
};

/// Runs in the lanes of `mask` only.
__global__ void shuffle_kernel(unsigned mask, Shuffled* out) {
  const int lane = int(threadIdx.x);
  if (!(mask >> lane & 1)) return;
  out[lane].by_index = __shfl_sync(mask, lane, 3);
  out[lane].in_half = __shfl_sync(mask, lane, 3, 16);
  out[lane].up = __shfl_up_sync(mask, lane, 2, 8);
  out[lane].down = __shfl_down_sync(mask, lane, 2, 8);
  out[lane].exclusive_or = __shfl_xor_sync(mask, lane, 1);
}

TEST_CASE("cuda_host: shuffles of whole and of partial warps") {
  const DeviceArray<Shuffled> out(32);
  for (const unsigned mask : {0xffffffffu, 0x00ffffffu, 0x0000ffffu}) {
    const int lanes = __builtin_popcount(mask);
    REQUIRE(launch(shuffle_kernel, 1, 32, 0, mask, out.data()) == cudaSuccess);
    const std::vector<Shuffled> all = out.values();
    for (int lane = 0; lane < lanes; ++lane) {
      const Shuffled& got = all[size_t(lane)];
      CHECK(got.by_index == 3);
      if (lane < 16 || lanes == 32) CHECK(got.in_half == lane / 16 * 16 + 3);
      CHECK(got.up == (lane % 8 < 2 ? lane : lane - 2));
      CHECK(got.down == (lane % 8 > 5 ? lane : lane + 2));
      CHECK(got.exclusive_or == (lane ^ 1));
    }
  }
}

struct Votes {
  unsigned ballot, equal, sum;
  int any, all, count, block_any, block_all;
};

__global__ void vote_kernel(Votes* out) {
  const unsigned thread = threadIdx.x;
  Votes votes;
  votes.ballot = __ballot_sync(0xffffffffu, thread % 3 == 0);
  votes.equal = __match_any_sync(0xffffffffu, int(thread % 2));
  votes.sum = __reduce_add_sync(0xffffffffu, thread);
  votes.any = __any_sync(0xffffffffu, thread == 40);
  votes.all = __all_sync(0xffffffffu, thread < 32);
  votes.count = __syncthreads_count(thread < 40);
  votes.block_any = __syncthreads_or(thread == 63);
  votes.block_all = __syncthreads_and(thread != 63);
  out[thread] = votes;
}

TEST_CASE("cuda_host: votes of warps and blocks") {
  const DeviceArray<Votes> out(64);
  REQUIRE(launch(vote_kernel, 1, 64, 0, out.data()) == cudaSuccess);
  const std::vector<Votes> all = out.values();
  CHECK(all[0].ballot == 0x49249249u);
  CHECK(all[32].ballot == 0x92492492u);
  CHECK(all[5].equal == 0xaaaaaaaau);
  CHECK(all[31].sum == 496);
  CHECK(all[0].any == 0);
  CHECK(all[33].any == 1);
  CHECK(all[0].all == 1);
  CHECK(all[33].all == 0);
  CHECK(all[7].count == 40);
  CHECK(all[7].block_any == 1);
  CHECK(all[7].block_all == 0);
}

struct Totals {
  int sum, highest, lowest, bits;
  unsigned long long swaps;
  float float_sum;
  double double_sum;
};

__global__ void atomics_kernel(Totals* out) {
  const int thread = int(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&out->sum, thread);
  atomicMax(&out->highest, thread);
  atomicMin(&out->lowest, -thread);
  atomicOr(&out->bits, 1 << threadIdx.x);
  unsigned long long old = out->swaps, seen;
  while ((seen = atomicCAS(&out->swaps, old, old + 2)) != old) old = seen;
  atomicAdd(&out->float_sum, 0.5f);
  atomicAdd(&out->double_sum, 0.25);
}

TEST_CASE("cuda_host: atomics") {
  const DeviceArray<Totals> out(std::vector<Totals>(1));
  REQUIRE(launch(atomics_kernel, 4, 16, 0, out.data()) == cudaSuccess);
  const Totals totals = out.values()[0];
  CHECK(totals.sum == 2016);
  CHECK(totals.highest == 63);
  CHECK(totals.lowest == -63);
  CHECK(totals.bits == 0xffff);
  CHECK(totals.swaps == 128);
  CHECK(totals.float_sum == 32);
  CHECK(totals.double_sum == 16);
}

// --- what would hang or be undefined -----------------------------------------------------------------

__global__ void returned_before_barrier_kernel(int first) {
  if (int(threadIdx.x) == first) return;
  __syncthreads();
}
__global__ void divergent_barrier_kernel() {
  if (threadIdx.x < 7)
    __syncthreads();
  else
    __syncthreads();
}
__global__ void named_lane_returned_kernel() {
  if (threadIdx.x == 3) return;
  __shfl_sync(0xffffffffu, 1, 0);
}
__global__ void waits_elsewhere_kernel() {
  if (threadIdx.x == 3)
    __syncthreads();
  else
    __syncwarp();
}
__global__ void caller_left_out_kernel() { __ballot_sync(1u, 1); }
__global__ void full_mask_kernel() { __ballot_sync(0xffffffffu, 1); }
__global__ void trap_kernel() {
  if (threadIdx.x == 2) __trap();
  __syncthreads();
}

TEST_CASE("cuda_host: kernels that would hang are reported, and the next one runs") {
  const WithOrder with_order(cuda_host::Order::ascending);
  const auto error = [](auto kernel, int threads, auto... arguments) {
    return error_of([&] { (void)launch(kernel, 2, threads, 0, arguments...); });
  };
  for (const int first : {0, 40, 63})
    CHECK(contains(error(returned_before_barrier_kernel, 64, first), "__syncthreads"));
  CHECK(
      contains(error(divergent_barrier_kernel, 64),
               "__syncthreads is reached while other threads of the block wait at __syncthreads"));
  CHECK(contains(error(named_lane_returned_kernel, 32), "names lane 3, which has returned"));
  CHECK(contains(error(waits_elsewhere_kernel, 32), "the threads of a block wait for each other"));
  CHECK(contains(error(caller_left_out_kernel, 32), "leaves out its caller, lane 1"));
  CHECK(contains(error(full_mask_kernel, 20), "names lane 20, which the block does not have"));
  CHECK(contains(error(trap_kernel, 64), "__trap (block (0, 0, 0), thread (2, 0, 0))"));

  const DeviceArray<double> in(std::vector<double>(256, 1.0)), out(1);
  REQUIRE(launch(block_sum_kernel, 1, 256, 0, in.data(), out.data()) == cudaSuccess);
  CHECK(out.values()[0] == 256);
}

}  // namespace
