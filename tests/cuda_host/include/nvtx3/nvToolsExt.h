// Host emulation of CUDA: profiler ranges, of which only the nesting depth is kept.
#pragma once

namespace cuda_host {
inline thread_local int nvtx_depth = 0;
}

inline int nvtxRangePushA(const char*) { return cuda_host::nvtx_depth++; }
inline int nvtxRangePop() { return --cuda_host::nvtx_depth; }
inline void nvtxMarkA(const char*) {}
#define nvtxRangePush nvtxRangePushA
