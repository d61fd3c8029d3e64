// Host emulation of CUDA: bfloat16 as a type without arithmetic, for the headers that name it.
#pragma once
#define __CUDA_BF16_H__

#include "vector_types.h"

struct __align__(2) __nv_bfloat16 {
  unsigned short bits;
};
struct __align__(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;
