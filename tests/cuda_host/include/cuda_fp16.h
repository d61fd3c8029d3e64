// Host emulation of CUDA: half precision as a type without arithmetic, for the headers that name it.
#pragma once
#define __CUDA_FP16_H__

#include "vector_types.h"

struct __align__(2) __half {
  unsigned short bits;
};
struct __align__(4) __half2 {
  __half x, y;
};
using half = __half;
using half2 = __half2;
