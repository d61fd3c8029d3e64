// cat and triangle.
//
// cat: one launch for up to kMaxInputs inputs, which form the grid's second dim. All tensors are seen as rows
// of words of up to 16 bytes; a thread copies words of one input, both sides in runs. Bytes: each element
// read and written once.
// triangle: one thread per element of the result; what lies outside the triangle is not read.

#include "cuda/divider.h"
#include "cuda/kernels/index_plan.h"
#include "cuda/kernels/word.h"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/kernels/rearrange.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kUnroll = 4;  // words in flight per thread
constexpr size_t kMaxInputs = 128;

/// Sizes in words.
struct CatInputs {
  const void* data[kMaxInputs];
  int64_t begin[kMaxInputs];  // where a row of the input begins within a row of the result
  int64_t width[kMaxInputs];  // and how long it is
};

template <class Word>
__global__ void __launch_bounds__(kThreads)
    cat_kernel(Word* out, CatInputs inputs, int64_t rows, int64_t row_width) {
  const Word* const in = static_cast<const Word*>(inputs.data[blockIdx.y]);
  const int64_t begin = inputs.begin[blockIdx.y], width = inputs.width[blockIdx.y];
  const int64_t count = rows * width, step = int64_t(gridDim.x) * kThreads;
  const bool narrow = count <= int64_t(0xffffffff);
  for (int64_t first = int64_t(blockIdx.x) * kThreads + threadIdx.x; first < count;
       first += step * kUnroll) {
    Word words[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * step < count) words[u] = in[first + u * step];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t i = first + u * step;
      if (i >= count) break;
      const int64_t row = narrow ? int64_t(uint32_t(i) / uint32_t(width)) : i / width;
      out[row * row_width + begin + i - row * width] = words[u];
    }
  }
}

/// The widest word that cuts all rows of all tensors evenly.
int64_t word_bytes(const Tensor& out, TensorList inputs, int64_t rows) {
  int64_t bytes = kVectorBytes;
  const auto narrow_to = [&](const Tensor& t) {
    while (t.nbytes() / rows % bytes != 0 || !is_aligned(t.data_ptr(), bytes)) bytes /= 2;
  };
  narrow_to(out);
  for (const Tensor& input : inputs)
    if (input.numel() > 0) narrow_to(input);
  return bytes;
}

template <class Word>
__global__ void __launch_bounds__(kThreads)
    triangle_kernel(Word* out, const Word* x, OffsetTable<1> table, uint32_t rows, uint32_t columns,
                    int64_t diagonal, bool upper, uint32_t count) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t column = i % columns, row = i / columns % rows;
  const bool kept = upper ? column - row >= diagonal : column - row <= diagonal;
  Word word{};
  if (kept) {
    int64_t at[1];
    table.locate(i, at);
    word = x[at[0]];
  }
  out[i] = word;
}

}  // namespace

void cat(const Tensor& out, TensorList inputs, int64_t dim) {
  if (out.numel() == 0) return;
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= out.size(d);
  const int64_t bytes = word_bytes(out, inputs, rows);
  int64_t begin = 0;
  for (size_t next = 0; next < inputs.size();) {
    CatInputs group;
    unsigned count = 0;
    int64_t widest = 0;
    for (; next < inputs.size() && count < kMaxInputs; ++next) {
      const Tensor& input = inputs[next];
      if (input.numel() == 0) continue;
      const int64_t width = input.nbytes() / rows / bytes;
      group.data[count] = input.data_ptr();
      group.begin[count] = begin;
      group.width[count++] = width;
      begin += width;
      widest = std::max(widest, width);
    }
    LaunchShape shape = one_thread_each((rows * widest + kUnroll - 1) / kUnroll, kThreads);
    shape.grid.y = count;
    dispatch_word(bytes, [&]<class Word>() {
      launch(cat_kernel<Word>, shape, static_cast<Word*>(out.data_ptr()), group, rows,
             out.nbytes() / rows / bytes);
    });
  }
}

void triangle(const Tensor& out, const Tensor& x, int64_t diagonal, bool upper) {
  if (x.numel() == 0) return;
  diagonal = std::clamp(diagonal, -x.size(-2), x.size(-1));
  if (x.numel() > kMaxElements) {
    const int64_t half = x.size(0) / 2, rest = x.size(0) - half;
    // A matrix that is cut itself would need a shifted diagonal for its lower part.
    const int64_t moved = x.dim() == 2 ? diagonal + half : diagonal;
    triangle(out.narrow(0, 0, half), x.narrow(0, 0, half), diagonal, upper);
    return triangle(out.narrow(0, half, rest), x.narrow(0, half, rest), moved, upper);
  }
  const RowMajorSpace space(x.sizes(), {DimVector(x.strides().begin(), x.strides().end())});
  dispatch_word(x.element_size(), [&]<class Word>() {
    launch(triangle_kernel<Word>, one_thread_each(x.numel(), kThreads),
           static_cast<Word*>(out.data_ptr()), static_cast<const Word*>(x.data_ptr()),
           space.table<1>(), uint32_t(x.size(-2)), uint32_t(x.size(-1)), diagonal, upper,
           uint32_t(x.numel()));
  });
}

}  // namespace fg::cuda
