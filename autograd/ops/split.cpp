// Views of several pieces at once; each piece is a plain view.
#include "autograd/ops/view.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

std::vector<Tensor> unbind(const Tensor& self, int64_t dim) {
  const profiler::RecordOp recorded("unbind", self);
  std::vector<Tensor> result;
  for (int64_t i = 0; i < self.size(dim); ++i) result.push_back(select(self, dim, i));
  return result;
}

std::vector<Tensor> split(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  const profiler::RecordOp recorded("split", self);
  int64_t total = 0;
  for (int64_t size : split_sizes) {
    ENSURE(size >= 0, "split: sizes must not be negative, got ", split_sizes);
    total += size;
  }
  ENSURE(total == self.size(dim), "split: sizes must sum to ", self.size(dim), " (dim ", dim,
         "), got ", split_sizes);
  std::vector<Tensor> result;
  int64_t start = 0;
  for (int64_t size : split_sizes) {
    result.push_back(narrow(self, dim, start, size));
    start += size;
  }
  return result;
}

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) {
  const profiler::RecordOp recorded("split", self);
  const int64_t extent = self.size(dim);
  ENSURE(split_size > 0 || (split_size == 0 && extent == 0),
         "split: split_size must be positive, got ", split_size);
  DimVector sizes;
  for (int64_t start = 0; start < extent; start += split_size)
    sizes.push_back(std::min(split_size, extent - start));
  if (extent == 0) sizes.push_back(0);
  return split(self, IntArrayRef(sizes), dim);
}

std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  const profiler::RecordOp recorded("chunk", self);
  ENSURE(chunks > 0, "chunk: chunks must be positive, got ", chunks);
  const int64_t extent = self.size(dim);
  if (extent == 0) return std::vector<Tensor>(size_t(chunks), self);
  return split(self, (extent + chunks - 1) / chunks, dim);
}

std::vector<Tensor> broadcast_tensors(TensorList tensors) {
  const profiler::RecordOp recorded("broadcast_tensors", tensors);
  DimVector shape;
  for (const Tensor& t : tensors) shape = broadcast_shapes(shape, t.sizes(), "broadcast_tensors");
  std::vector<Tensor> result;
  for (const Tensor& t : tensors) result.push_back(expand(t, shape));
  return result;
}

}  // namespace fg
