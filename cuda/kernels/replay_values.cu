// write_words: the words travel as the kernel's argument, which the driver keeps until the kernel runs. So there
// is no pinned memory whose reuse would have to wait for the copy out of it. One block, one word per thread.

#include <algorithm>

#include "cuda/kernels/replay_values.h"
#include "cuda/launch.h"

namespace fg::cuda {
namespace {

template <unsigned kCount>
struct Words {
  uint64_t at[kCount];
};

template <unsigned kCount>
__global__ void __launch_bounds__(kCount)
    write_words_kernel(uint64_t* target, const __grid_constant__ Words<kCount> words,
                       unsigned count) {
  if (threadIdx.x < count) target[threadIdx.x] = words.at[threadIdx.x];
}

template <unsigned kCount>
void write(uint64_t* target, std::span<const uint64_t> from) {
  Words<kCount> words;
  std::copy(from.begin(), from.end(), words.at);
  launch(write_words_kernel<kCount>, {dim3(1), dim3(kCount)}, target, words, unsigned(from.size()));
}

}  // namespace

void write_words(uint64_t* target, std::span<const uint64_t> words) {
  constexpr size_t kFew = 32, kMany = 512;
  while (!words.empty()) {
    const size_t count = std::min(words.size(), kMany);
    if (count <= kFew)
      write<kFew>(target, words.first(count));
    else
      write<kMany>(target, words.first(count));
    target += count;
    words = words.subspan(count);
  }
}

}  // namespace fg::cuda
