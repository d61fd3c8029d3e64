// Operands of attention for the tests of its kernels.
#pragma once

#include "tests/cuda_close.h"

namespace fg::test {

struct AttentionShape {
  int64_t batch, heads, queries, keys, width, value_width;
};

enum class Masking { none, causal, boolean, additive };

/// CPU tensors of one dtype; a mask of numbers broadcasts.
struct AttentionCase {
  Tensor query, key, value, grad, mask;
  bool causal = false;

  AttentionCase(const AttentionShape& s, ScalarType type, Masking masking = Masking::none)
      : query(random_values({s.batch, s.heads, s.queries, s.width}, type)),
        key(random_values({s.batch, s.heads, s.keys, s.width}, type)),
        value(random_values({s.batch, s.heads, s.keys, s.value_width}, type)),
        grad(random_values({s.batch, s.heads, s.queries, s.value_width}, type)),
        causal(masking == Masking::causal) {
    if (masking == Masking::boolean) {
      // The first query of the first head sees nothing; the last one of the last head only the last key.
      mask = random_values({s.batch, s.heads, s.queries, s.keys}, kFloat).gt(-0.5);
      mask[0][0][0].fill_(false);
      mask[s.batch - 1][s.heads - 1][s.queries - 1].fill_(false);
      mask[s.batch - 1][s.heads - 1][s.queries - 1][s.keys - 1].fill_(true);
    }
    if (masking == Masking::additive) mask = random_values({s.heads, 1, s.keys}, type);
  }
};

}  // namespace fg::test
