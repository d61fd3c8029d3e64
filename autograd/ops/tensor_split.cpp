#include "autograd/ops/split.h"
#include "autograd/ops/view.h"
#include "tensor/profiler.h"

namespace fg {

std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim) {
  const profiler::RecordOp recorded("tensor_split", self);
  ENSURE(sections > 0, "tensor_split: sections must be positive, got ", sections);
  const int64_t extent = self.size(dim);
  DimVector sizes;
  for (int64_t i = 0; i < sections; ++i)
    sizes.push_back(extent / sections + (i < extent % sections ? 1 : 0));
  return split(self, IntArrayRef(sizes), dim);
}

std::vector<Tensor> tensor_split(const Tensor& self, IntArrayRef indices, int64_t dim) {
  const profiler::RecordOp recorded("tensor_split", self);
  std::vector<Tensor> result;
  int64_t start = 0;
  for (const int64_t index : indices) {
    result.push_back(slice(self, dim, start, index));
    start = index;
  }
  result.push_back(slice(self, dim, start));
  return result;
}

namespace {

std::vector<Tensor> equal_split(const Tensor& self, int64_t sections, int64_t dim, const char* op) {
  const profiler::RecordOp recorded(op, self);
  ENSURE(self.dim() > dim, op, ": self must have at least ", dim + 1, " dims, got shape ",
         self.sizes());
  ENSURE(sections > 0 && self.size(dim) % sections == 0, op, ": sections must divide ",
         self.size(dim), " (dim ", dim, "), got ", sections);
  return tensor_split(self, sections, dim);
}

}  // namespace

std::vector<Tensor> hsplit(const Tensor& self, int64_t sections) {
  return equal_split(self, sections, self.dim() == 1 ? 0 : 1, "hsplit");
}
std::vector<Tensor> hsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, self.dim() == 1 ? 0 : 1);
}
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections) {
  return equal_split(self, sections, 0, "vsplit");
}
std::vector<Tensor> vsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, 0);
}
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections) {
  return equal_split(self, sections, 2, "dsplit");
}
std::vector<Tensor> dsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, 2);
}

}  // namespace fg
