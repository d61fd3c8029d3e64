// parallel_for: splits a range over the OpenMP threads. Results never depend on the split, because
// callers divide work by outputs or by fixed blocks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace fg {

/// Threads that CPU ops use: OMP_NUM_THREADS, or one per core.
int get_num_threads();
/// Throws unless count is positive.
void set_num_threads(int count);

namespace cpu {

/// Below this many elementary operations a parallel region costs more than it saves.
inline constexpr int64_t kGrain = 32768;

/// Set in threads that are part of something parallel already, such as a data loader's workers: their
/// ops must not start threads of their own.
inline thread_local bool is_worker_thread = false;

inline bool in_parallel_region() {
#ifdef _OPENMP
  return is_worker_thread || omp_in_parallel();
#else
  return false;
#endif
}

/// Calls body(b, e) over disjoint ranges that cover [begin, end), each at least `grain` long but the
/// last; in the calling thread when the range is short or a parallel region is already open. The
/// first exception is rethrown in the caller.
template <class Body>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const Body& body) {
  const int64_t length = end - begin;
  if (length <= 0) return;
  const int64_t pieces =
      std::min<int64_t>(get_num_threads(), (length + grain - 1) / std::max<int64_t>(grain, 1));
  if (pieces <= 1 || in_parallel_region()) return body(begin, end);
#ifdef _OPENMP
  std::exception_ptr failure;
#pragma omp parallel num_threads(int(pieces))
  {
    const int64_t team = omp_get_num_threads();
    const int64_t chunk = (length + team - 1) / team;
    const int64_t first = begin + omp_get_thread_num() * chunk;
    try {
      if (first < end) body(first, std::min(end, first + chunk));
    } catch (...) {
#pragma omp critical(fg_parallel_for)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
#else
  body(begin, end);
#endif
}

}  // namespace cpu
}  // namespace fg
