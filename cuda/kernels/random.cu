// Random fills from Philox4x32-10 (tensor/kernels/philox.h).
//
// One thread takes one counter at a time, four words, and makes the four elements (two of what needs 64 bits)
// that the stream's rule assigns to it, with one store where alignment allows. So the numbers depend on seed
// and offset only, not on the launch. Bytes: each element written once.

#include "cuda/kernels/philox_fill.cuh"
#include "cuda/launch.h"
#include "cuda/report.cuh"
#include "cuda/vector.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/math.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

template <class T, class Make, bool kPacks>
__global__ void __launch_bounds__(kThreads)
    fill_kernel(T* out, int64_t count, PhiloxDraw draw, Make make) {
  constexpr int kPer = Make::kPerCounter;
  const int64_t counters = (count + kPer - 1) / kPer;
  const PhiloxStream stream = draw.stream();
  for (int64_t c = int64_t(blockIdx.x) * kThreads + threadIdx.x; c < counters;
       c += int64_t(gridDim.x) * kThreads) {
    const PhiloxWords words = stream.words(uint64_t(c));
    const int64_t first = c * kPer;
    Pack<T, kPer> pack;
    if constexpr (requires { make(words, first, count, pack.at); })
      make(words, first, count, pack.at);
    else
      make(words, pack.at);
    if (kPacks && first + kPer <= count) {
      *reinterpret_cast<Pack<T, kPer>*>(out + first) = pack;
    } else {
      for (int j = 0; j < kPer; ++j)
        if (first + j < count) out[first + j] = pack.at[j];
    }
  }
}

/// Fills `out`, of dtype T, and moves the stream on.
template <class T, class Make>
void fill_with(const Tensor& out, GeneratorState& state, const Make& make) {
  constexpr int kPer = Make::kPerCounter;
  const int64_t count = out.numel();
  const PhiloxDraw draw = take_counters(state, count, kPer);
  T* const data = out.data_ptr<T>();
  const LaunchShape shape = one_thread_each((count + kPer - 1) / kPer, kThreads);
  if (is_aligned(data, kPer * int64_t(sizeof(T))))
    launch(fill_kernel<T, Make, true>, shape, data, count, draw, make);
  else
    launch(fill_kernel<T, Make, false>, shape, data, count, draw, make);
}

/// Elements of one word each, or of two when kWide: `one` makes an element from its 32 or 64 bits.
template <bool kWide, class One>
struct EachElement {
  static constexpr int kPerCounter = kWide ? 2 : 4;
  One one;

  template <class T>
  __device__ void operator()(const PhiloxWords& words, T (&values)[kPerCounter]) const {
#pragma unroll
    for (int j = 0; j < kPerCounter; ++j) {
      if constexpr (kWide)
        values[j] = one(two_words(words, j));
      else
        values[j] = one(words.at[j]);
    }
  }
};

template <class T>
inline constexpr bool kIsDouble = std::is_same_v<T, double>;

template <class T>
struct Uniform {
  Compute<T> low, span;
  T upper;
  template <class Bits>
  __device__ T operator()(Bits bits) const {
    if constexpr (kIsDouble<T>)
      return uniform_between<T>(unit_double(bits), low, span, upper);
    else
      return uniform_between<T>(unit_float(bits), low, span, upper);
  }
};

/// Box-Muller: two words (four for double) make two elements, the radius' logarithm from (0, 1].
template <class T>
struct Normal {
  static constexpr int kPerCounter = kIsDouble<T> ? 2 : 4;
  double mean, std;

  __device__ void operator()(const PhiloxWords& words, T (&values)[kPerCounter]) const {
    if constexpr (kIsDouble<T>) {
      pair(1 - unit_double(two_words(words, 0)), unit_double(two_words(words, 1)), values);
    } else {
      pair(open_unit(words.at[0]), unit_float(words.at[1]), values);
      pair(open_unit(words.at[2]), unit_float(words.at[3]), values + 2);
    }
  }

 private:
  template <class C>
  __device__ void pair(C u1, C u2, T* values) const {
    const C radius = functors::sqrt(C(-2) * functors::log(u1));
    C sine, cosine;
    if constexpr (kIsDouble<T>) {
      sine = sinpi(2 * u2);
      cosine = cospi(2 * u2);
    } else {
      sincospif(2 * u2, &sine, &cosine);
    }
    values[0] = T(radius * cosine * C(std) + C(mean));
    values[1] = T(radius * sine * C(std) + C(mean));
  }
};

template <class T>
struct IntegerFrom {
  int64_t from;
  uint64_t range;  // 0: all 2^64 values
  template <class Bits>
  __device__ T operator()(Bits bits) const {
    if (range == 0) return integer_as<T>(int64_t(bits));
    return integer_as<T>(int64_t(bits % Bits(range)) + from);
  }
};

template <class T>
struct FullRange {
  template <class Bits>
  __device__ T operator()(Bits bits) const {
    return full_range_integer<T>(bits);
  }
};

template <class T>
struct Bernoulli {
  uint64_t threshold;  // of a word
  __device__ T operator()(uint32_t word) const { return T(float(word < threshold)); }
};

template <class T, class P>
struct BernoulliOf {
  static constexpr int kPerCounter = kIsDouble<P> ? 2 : 4;
  const P* p;
  Reporter reporter;

  __device__ void operator()(const PhiloxWords& words, int64_t first, int64_t count,
                             T (&values)[kPerCounter]) const {
    for (int j = 0; j < kPerCounter && first + j < count; ++j) {
      const Compute<P> probability = Compute<P>(p[first + j]);
      if (!(probability >= 0 && probability <= 1)) reporter.not_a_probability(probability);
      bool one;
      if constexpr (kIsDouble<P>)
        one = unit_double(two_words(words, j)) < probability;
      else
        one = unit_float(words.at[j]) < probability;
      values[j] = T(float(one));
    }
  }
};

template <class T>
struct Exponential {
  double lambda;
  template <class Bits>
  __device__ T operator()(Bits bits) const {
    if constexpr (kIsDouble<T>) {
      return -functors::log1p(-unit_double(bits)) / lambda;
    } else {
      // Never 0, by which the exponential race of multinomial would divide: as in PyTorch's CUDA stream.
      const float minus_log = -functors::log(open_unit(bits));
      return T(fmaxf(minus_log, 0x1p-25f) / float(lambda));
    }
  }
};

template <class T, bool kWide, class One>
void fill_each(const Tensor& out, GeneratorState& state, const One& one) {
  fill_with<T>(out, state, EachElement<kWide, One>{one});
}

}  // namespace

void fill_uniform(const Tensor& out, double from, double to, GeneratorState& state) {
  dispatch_floating(out.dtype(), "uniform_", [&]<class T>() {
    using C = Compute<T>;
    fill_each<T, kIsDouble<T>>(out, state, Uniform<T>{C(from), C(to) - C(from), T(C(to))});
  });
}

void fill_normal(const Tensor& out, double mean, double std, bool, GeneratorState& state) {
  dispatch_floating(out.dtype(), "normal_", [&]<class T>() {
    fill_with<T>(out, state, Normal<T>{mean, std});
  });
}

void fill_integer(const Tensor& out, int64_t from, uint64_t range, GeneratorState& state) {
  dispatch_all(out.dtype(), "random_", [&]<class T>() {
    if (range == 0 || range >= kWideRange)
      fill_each<T, true>(out, state, IntegerFrom<T>{from, range});
    else
      fill_each<T, false>(out, state, IntegerFrom<T>{from, range});
  });
}

void fill_integer_full(const Tensor& out, GeneratorState& state) {
  dispatch_all(out.dtype(), "random_",
               [&]<class T>() { fill_each<T, kFullRangeIsWide<T>>(out, state, FullRange<T>{}); });
}

void fill_bernoulli(const Tensor& out, double p, GeneratorState& state) {
  dispatch_all(out.dtype(), "bernoulli_", [&]<class T>() {
    fill_each<T, false>(out, state, Bernoulli<T>{word_threshold(p)});
  });
}

void fill_bernoulli_tensor(const Tensor& out, const Tensor& p, GeneratorState& state) {
  const Reporter reporter("bernoulli_", "p");
  dispatch_floating(p.dtype(), "bernoulli", [&]<class P>() {
    dispatch_all(out.dtype(), "bernoulli", [&]<class T>() {
      fill_with<T>(out, state, BernoulliOf<T, P>{p.data_ptr<P>(), reporter});
    });
  });
}

void fill_exponential(const Tensor& out, double lambda, GeneratorState& state) {
  dispatch_floating(out.dtype(), "exponential_", [&]<class T>() {
    fill_each<T, kIsDouble<T>>(out, state, Exponential<T>{lambda});
  });
}

}  // namespace fg::cuda
