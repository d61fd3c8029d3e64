// What the kernels that draw random numbers share.
#pragma once

#include <cmath>

#include <cuda_runtime.h>

#include "cuda/capture.h"
#include "tensor/generator.h"
#include "tensor/kernels/random.h"

namespace fg::cuda {

/// The counters for `elements`, `per_counter` of them each; the stream moves on.
inline PhiloxDraw take_counters(GeneratorState& state, int64_t elements, int64_t per_counter) {
  Capture* const capture = current_capture();
  const PhiloxDraw draw = capture ? capture->draw(state) : PhiloxDraw{state.seed, state.offset};
  state.offset += uint64_t((elements + per_counter - 1) / per_counter);
  return draw;
}

/// Words 2 * j and 2 * j + 1 as one number.
__device__ constexpr uint64_t two_words(const PhiloxWords& words, int j) {
  return uint64_t(words.at[2 * j + 1]) << 32 | words.at[2 * j];
}

/// Uniform on (0, 1], finest near 0.
__device__ constexpr float open_unit(uint32_t word) { return float(word) * 0x1p-32f + 0x1p-33f; }

/// A word is below this with probability p.
inline uint64_t word_threshold(double p) { return uint64_t(std::ceil(p * 0x1p32)); }

}  // namespace fg::cuda
