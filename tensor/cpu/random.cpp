// PyTorch's CPU streams, bit for bit; tests/fixtures/RNG.md states the algorithms. This file is
// compiled without contraction: where PyTorch's build fuses a multiply-add, std::fma stands here.
#include "tensor/kernels/random.h"

#include <cmath>
#include <cstring>

#include "tensor/kernels/dispatch.h"

namespace fg::cpu {
namespace {

constexpr double kPi = 3.14159265358979323846;

double uniform_double(Mt19937& engine) { return unit_double(engine.random64()); }
float uniform_float(Mt19937& engine) { return unit_float(engine.random()); }
template <class T>
T uniform_real(Mt19937& engine) {
  if constexpr (std::is_same_v<T, double>)
    return uniform_double(engine);
  else
    return uniform_float(engine);
}

double serial_normal(GeneratorState& state) {
  if (state.next_normal) {
    const double value = *state.next_normal;
    state.next_normal.reset();
    return value;
  }
  const double u1 = uniform_double(state.engine);
  const double u2 = uniform_double(state.engine);
  const double r = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * kPi * u1;
  state.next_normal = r * std::sin(theta);
  return r * std::cos(theta);
}

// Cephes' single-precision log, as PyTorch's vector code evaluates it.
float cephes_log(float x) {
  uint32_t word;
  std::memcpy(&word, &x, sizeof(word));
  float e = float(int32_t(word >> 23) - 127 + 1);
  word = (word & 0x807fffffu) | 0x3f000000u;
  float m;
  std::memcpy(&m, &word, sizeof(m));
  if (m < 0.707106781186547524f) {
    e -= 1.0f;
    x = (m - 1.0f) + m;
  } else {
    x = m - 1.0f;
  }
  const float z = x * x;
  float y = 7.0376836292e-2f;
  for (float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                  -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = std::fma(y, x, c);
  y *= x;
  y = std::fma(y, z, e * -2.12194440e-4f);
  y -= z * 0.5f;
  return std::fma(e, 0.693359375f, x + y);
}

// Cephes' sine and cosine of a non-negative angle.
void cephes_sincos(float theta, float& sine, float& cosine) {
  const int32_t j = (int32_t(theta * 1.27323954473516f) + 1) & ~1;
  float x = theta;
  for (float c : {-0.78515625f, -2.4187564849853515625e-4f, -3.77489497744594108e-8f})
    x = std::fma(float(j), c, x);
  const float z = x * x;
  float p = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  p = std::fma(p, z, 4.166664568298827e-2f);
  p *= z;
  p = std::fma(p, z, -(z * 0.5f));
  p += 1.0f;
  float q = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  q = std::fma(q, z, -1.6666654611e-1f);
  q *= z;
  q = std::fma(q, x, x);
  sine = j & 2 ? p : q;
  cosine = j & 2 ? q : p;
  if (j & 4) sine = -sine;
  if (!((j - 2) & 4)) cosine = -cosine;
}

// Turns 16 uniforms into 16 normals: element j pairs with element j + 8.
template <class T>
void box_muller_block(T* block, T mean, T std) {
  for (int j = 0; j < 8; ++j) {
    const T u1 = T(1) - block[j];
    T radius, sine, cosine;
    if constexpr (std::is_same_v<T, float>) {
      radius = std::sqrt(-2.0f * cephes_log(u1));
      cephes_sincos(float(2 * kPi) * block[j + 8], sine, cosine);
    } else {
      const T theta = T(2) * T(kPi) * block[j + 8];
      radius = std::sqrt(T(-2) * std::log(u1));
      sine = std::sin(theta);
      cosine = std::cos(theta);
    }
    block[j] = std::fma(radius * cosine, std, mean);
    block[j + 8] = std::fma(radius * sine, std, mean);
  }
}

template <class T>
void draw_block(T* block, T mean, T std, GeneratorState& state) {
  for (int j = 0; j < 16; ++j) block[j] = uniform_real<T>(state.engine);
  box_muller_block(block, mean, std);
}

template <class T>
void normal_filled(T* p, int64_t n, double mean, double std, GeneratorState& state) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    for (int64_t i = 0; i < n; ++i) p[i] = uniform_real<T>(state.engine);
    for (int64_t i = 0; i + 16 <= n; i += 16) box_muller_block(p + i, T(mean), T(std));
    // The rest overwrites the last 16 places with fresh draws.
    if (n % 16) draw_block(p + n - 16, T(mean), T(std), state);
  } else {
    float block[16];
    const auto store = [&](T* to) {
      draw_block(block, float(mean), float(std), state);
      for (int j = 0; j < 16; ++j) to[j] = T(block[j]);
    };
    for (int64_t i = 0; i + 16 <= n; i += 16) store(p + i);
    if (n % 16) store(p + n - 16);
  }
}

}  // namespace

void fill_uniform(const Tensor& out, double from, double to, GeneratorState& state) {
  dispatch_floating(out.dtype(), "uniform_", [&]<class T>() {
    using W = Compute<T>;
    const W low = W(from), span = W(to) - W(from);
    const T upper = T(W(to));
    T* const p = out.data_ptr<T>();
    for (int64_t i = 0; i < out.numel(); ++i)
      p[i] = uniform_between<T>(uniform_real<W>(state.engine), low, span, upper);
  });
}

void fill_normal(const Tensor& out, double mean, double std, bool vectorized,
                 GeneratorState& state) {
  dispatch_floating(out.dtype(), "normal_", [&]<class T>() {
    T* const p = out.data_ptr<T>();
    if (vectorized) return normal_filled(p, out.numel(), mean, std, state);
    for (int64_t i = 0; i < out.numel(); ++i)
      p[i] = T(Compute<T>(std::fma(serial_normal(state), std, mean)));
  });
}

void fill_integer(const Tensor& out, int64_t from, uint64_t range, GeneratorState& state) {
  dispatch_all(out.dtype(), "random_", [&]<class T>() {
    T* const p = out.data_ptr<T>();
    const auto store = [&](int64_t i, uint64_t draw) {
      p[i] = integer_as<T>(int64_t(draw + uint64_t(from)));
    };
    if (range == 0) {
      // All 2^64 values: the draw itself is the number, whatever `from`.
      for (int64_t i = 0; i < out.numel(); ++i) store(i, state.engine.random64() - uint64_t(from));
    } else if (range >= kWideRange) {
      for (int64_t i = 0; i < out.numel(); ++i) store(i, state.engine.random64() % range);
    } else {
      for (int64_t i = 0; i < out.numel(); ++i) store(i, state.engine.random() % range);
    }
  });
}

void fill_integer_full(const Tensor& out, GeneratorState& state) {
  dispatch_all(out.dtype(), "random_", [&]<class T>() {
    T* const p = out.data_ptr<T>();
    Mt19937& engine = state.engine;
    for (int64_t i = 0; i < out.numel(); ++i) {
      if constexpr (kFullRangeIsWide<T>)
        p[i] = full_range_integer<T>(engine.random64());
      else
        p[i] = full_range_integer<T>(engine.random());
    }
  });
}

void fill_bernoulli(const Tensor& out, double p, GeneratorState& state) {
  dispatch_all(out.dtype(), "bernoulli_", [&]<class T>() {
    T* const o = out.data_ptr<T>();
    for (int64_t i = 0; i < out.numel(); ++i) o[i] = T(float(uniform_double(state.engine) < p));
  });
}

void fill_bernoulli_tensor(const Tensor& out, const Tensor& p, GeneratorState& state) {
  dispatch_floating(p.dtype(), "bernoulli", [&]<class P>() {
    const P* const q = p.data_ptr<P>();
    dispatch_all(out.dtype(), "bernoulli", [&]<class T>() {
      T* const o = out.data_ptr<T>();
      for (int64_t i = 0; i < out.numel(); ++i)
        o[i] = T(float(uniform_real<Compute<P>>(state.engine) < Compute<P>(q[i])));
    });
  });
}

void fill_exponential(const Tensor& out, double lambda, GeneratorState& state) {
  dispatch_floating(out.dtype(), "exponential_", [&]<class T>() {
    T* const p = out.data_ptr<T>();
    for (int64_t i = 0; i < out.numel(); ++i)
      p[i] = T(Compute<T>((-1.0 / lambda) * std::log1p(-uniform_double(state.engine))));
  });
}

void fill_permutation(const Tensor& out, GeneratorState& state) {
  dispatch_all(out.dtype(), "randperm", [&]<class T>() {
    T* const p = out.data_ptr<T>();
    const int64_t n = out.numel();
    for (int64_t i = 0; i < n; ++i) p[i] = integer_as<T>(i);
    for (int64_t i = 0; i + 1 < n; ++i)
      std::swap(p[i], p[i + int64_t(state.engine.random() % uint32_t(n - i))]);
  });
}

void sample_rows(const Tensor& out, const Tensor& weights, GeneratorState& state) {
  const int64_t rows = weights.size(0), categories = weights.size(1), samples = out.size(1);
  int64_t* const o = out.data_ptr<int64_t>();
  dispatch_float_double(weights.dtype(), "multinomial", [&]<class T>() {
    const T* const w = weights.data_ptr<T>();
    std::vector<T> cumulated(static_cast<size_t>(categories));
    for (int64_t r = 0; r < rows; ++r) {
      T total = T(0);
      for (int64_t c = 0; c < categories; ++c)
        cumulated[size_t(c)] = total += w[r * categories + c];
      for (T& c : cumulated) c /= total;
      cumulated.back() = T(1);
      for (int64_t s = 0; s < samples; ++s) {
        const double u = uniform_double(state.engine);
        const auto found = std::lower_bound(cumulated.begin(), cumulated.end(), u,
                                            [](T c, double v) { return double(c) < v; });
        o[r * samples + s] = found - cumulated.begin();
      }
    }
  });
}

}  // namespace fg::cpu
