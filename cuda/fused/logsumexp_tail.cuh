// y = chain(log(sum(exp(z)))) of rows, and its gradient.
//
// Forward: a fold of each row that ends in the chain; z is read once. Backward: a warp or a block per row, whose threads
// each compute the gradient of the row's sum, by the chain, and write softmax times that: z is read and grad_z written
// once, in full packs.
#pragma once

#include "cuda/fused/chain.cuh"
#include "cuda/fused/stage_producers.cuh"
#include "cuda/kernels/logsumexp_fold.cuh"

namespace fg::cuda::stage_detail {

inline constexpr int kRowThreadsDown = 256;  // of a block

template <class C, class T>
struct LogsumexpStage : LogsumexpFold<T> {
  using V = Compute<T>;
  C chain;
  V* logs;
  MixedArray<T> y;
  __device__ void store(int64_t row, ExpSum<V> acc) const {
    const V none{}, log = this->result(acc);
    logs[row] = log;
    y.set(row, chain.forward(log, &none));
  }
};

template <class C, class T>
struct LogsumexpGradient {
  C chain;
  T* grad_z;
  MixedArray<T> grad_y;
  const T* z;
  const Compute<T>* logs;
  int64_t rows, columns;
  bool aligned;
};

/// W: of packs that no row's end cuts. blockDim.x lanes take a row.
template <int W, class C, class T>
__global__ void __launch_bounds__(kRowThreadsDown)
    logsumexp_backward_kernel(LogsumexpGradient<C, T> p) {
  using V = Compute<T>;
  constexpr int kAtOnce = 4;  // packs on their way
  const int64_t step = int64_t(blockDim.x) * W;
  for (int64_t row = int64_t(blockIdx.x) * blockDim.y + threadIdx.y; row < p.rows;
       row += int64_t(gridDim.x) * blockDim.y) {
    V none{};
    const V log = p.logs[row];
    const V g = p.chain.backward(p.grad_y[row], log, &none, &none);
    const T* const from = p.z + row * p.columns;
    T* const to = p.grad_z + row * p.columns;
    for (int64_t begin = threadIdx.x * W; begin < p.columns; begin += kAtOnce * step) {
      WordPack<T, W> packs[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u)
        if (begin + u * step < p.columns)
          packs[u] = load_words<W>(from + begin + u * step, p.aligned);
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        if (begin + u * step >= p.columns) continue;
        V values[W];
        unpack(packs[u], values);
#pragma unroll
        for (int j = 0; j < W; ++j) values[j] = g * exp_for<T>(values[j] - log);
        store_words<W>(to + begin + u * step, packed<T>(values), p.aligned);
      }
    }
  }
}

template <class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::Logsumexp<C>& tail) {
  static_assert(C::num_channel_operands == 0);
  dispatch_floating(z.dtype(), "stage", [&]<class T>() {
    const T* const x = z.data_ptr<T>();
    fold_rows(LogsumexpStage<C, T>{{x, is_aligned(x)},
                                   tail.chain,
                                   t.statistics[0].data_ptr<Compute<T>>(),
                                   MixedArray<T>(t.y)},
              z.size(0), z.size(1), z.device());
  });
}

template <class C>
bool tail_backward(const StageTensors& t, const Tensor& grad_z, const Tensor& z, const Tensor&,
                   const stage::Logsumexp<C>& tail) {
  dispatch_floating(z.dtype(), "stage backward", [&]<class T>() {
    LogsumexpGradient<C, T> p{tail.chain,
                              grad_z.data_ptr<T>(),
                              MixedArray<T>(t.grad_y),
                              z.data_ptr<T>(),
                              t.statistics[0].data_ptr<Compute<T>>(),
                              z.size(0),
                              z.size(1),
                              false};
    p.aligned = all_aligned(p.grad_z, p.z);
    const auto run = [&]<int W>() {
      const unsigned lanes = p.columns <= 8 * kWarp * W ? kWarp : kRowThreadsDown;
      const unsigned rows = kRowThreadsDown / lanes;
      LaunchShape shape = one_block_each((p.rows + rows - 1) / rows, lanes);
      shape.block.y = rows;
      launch(logsumexp_backward_kernel<W, C, T>, shape, p);
    };
    if (p.columns % kFullPack<T> == 0)
      run.template operator()<kFullPack<T>>();
    else
      run.template operator()<1>();
  });
  return false;
}

}  // namespace fg::cuda::stage_detail
