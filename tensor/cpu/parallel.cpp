#include "tensor/cpu/parallel.h"

#include <atomic>

#include "tensor/error.h"

namespace fg {
namespace {

std::atomic<int>& thread_count() {
#ifdef _OPENMP
  static std::atomic<int> count{omp_get_max_threads()};
#else
  static std::atomic<int> count{1};
#endif
  return count;
}

}  // namespace

int get_num_threads() { return thread_count(); }

void set_num_threads(int count) {
  ENSURE(count > 0, "set_num_threads: count must be positive, got ", count);
  thread_count() = count;
}

}  // namespace fg
