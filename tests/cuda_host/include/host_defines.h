// Host emulation of CUDA: nvcc's keywords, for a C++ compiler.
#pragma once
#define __CRT_HOST_DEFINES_H__
#define __HOST_DEFINES_H__

#define __host__
#define __device__
#define __global__
#define __constant__
#define __managed__
#define __grid_constant__
#define __device_builtin__
#define __cudart_builtin__
// Blocks run one after another, so one static array serves them all.
#define __shared__ static
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __maxnreg__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __builtin_align__(bytes) __attribute__((aligned(bytes)))
#define __forceinline__ inline __attribute__((always_inline))
#define __builtin_assume(condition) ((void)0)
#define CUDARTAPI
#define CUDART_CB
// __noinline__ is missing: libstdc++ itself writes __attribute__((__noinline__)).
