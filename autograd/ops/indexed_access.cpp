#include "autograd/ops/indexed_access.h"

#include <deque>

#include "autograd/ops/indexing.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg {

using detail::Indices;
using detail::read_indices;
using detail::write_indices;

namespace {

DimVector broadcast_index_shapes(const Indices& indices) {
  DimVector shape;
  std::vector<DimVector> given;
  for (const Tensor& index : indices) {
    if (!index.defined()) continue;
    given.emplace_back(index.sizes().begin(), index.sizes().end());
    try {
      shape = broadcast_shapes(shape, index.sizes(), "index");
    } catch (const Error&) {
      detail::fail<IndexError>(
          str("index: index tensors must be broadcastable together, got shapes ",
              ArrayRef<DimVector>(given)));
    }
  }
  return shape;
}

// Entries are checked where they address something: in an empty result only an extent of 0 counts.
void check_entries(const Tensor& x, const Indices& indices, int64_t num_positions,
                   int64_t num_elements) {
  for (size_t d = 0; d < indices.size(); ++d) {
    const int64_t extent = x.sizes()[d];
    if (!indices[d].defined() || num_positions == 0 || (num_elements == 0 && extent > 0)) continue;
    if (const auto bad = ON_DEVICE(x, find_outside, indices[d], -extent, extent))
      detail::fail<IndexError>(
          str("index: index ", *bad, " is out of bounds for dimension ", d, " with size ", extent));
  }
}

// Lays out the result and checks the indices: the broadcast dims of the index tensors stand where the
// indexed dims were if those are neighbours, else first.
IndexedAccess plan_access(const Tensor& x, const Indices& indices, bool negative) {
  const DimVector moved = broadcast_index_shapes(indices);
  size_t first = indices.size(), last = 0, count = 0;
  for (size_t d = 0; d < indices.size(); ++d) {
    if (!indices[d].defined()) continue;
    first = std::min(first, d);
    last = d;
    ++count;
  }
  const size_t place = last - first + 1 == count ? first : 0;

  IndexedAccess access;
  const auto append_moved = [&] {
    for (int64_t size : moved) {
      access.sizes.push_back(size);
      access.strides.push_back(0);
    }
  };
  size_t whole_dims = 0;
  for (size_t d = 0; d < size_t(x.dim()); ++d) {
    if (d < indices.size() && indices[d].defined()) continue;
    if (whole_dims++ == place) append_moved();
    access.sizes.push_back(x.sizes()[d]);
    access.strides.push_back(x.strides()[d]);
  }
  if (whole_dims <= place) append_moved();
  check_entries(x, indices, numel_of(moved), numel_of(access.sizes));
  for (size_t d = 0; d < indices.size(); ++d) {
    if (!indices[d].defined()) continue;
    Tensor index = indices[d];
    for (size_t after = place; after < whole_dims; ++after) index = index.unsqueeze(-1);
    access.indices.push_back({index, x.sizes()[d], x.strides()[d], negative});
  }
  return access;
}

struct IndicesNode : Node {
  std::string op;
  std::deque<Saved> indices;

  void save(const char* name, const Indices& given) {
    op = name;
    for (const Tensor& index : given) indices.emplace_back(this).save(index);
  }
  Indices unpack() const {
    Indices result;
    for (const Saved& index : indices)
      result.push_back(index.defined() ? index.unpack() : Tensor());
    return result;
  }
  std::string name() const override { return op + "Backward"; }
};

struct IndexBackward : IndicesNode {
  DimVector sizes;

  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    Tensor grad_x = zeros(sizes, grads[0].options());
    write_indices(grad_x, unpack(), grads[0], true, "IndexPut");
    return {grad_x};
  }
};

struct IndexPutBackward : IndicesNode {
  bool accumulate = false;

  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    Tensor grad_x, grad_values;
    if (needs(0)) {
      grad_x = grads[0];
      if (!accumulate) {
        grad_x = grad_x.clone();
        write_indices(grad_x, unpack(), zeros({}, grad_x.options()), false, "IndexPut");
      }
    }
    if (needs(1)) grad_values = read_indices(grads[0], unpack(), "Index");
    return {grad_x, grad_values};
  }
};

}  // namespace

namespace detail {

Tensor read_indices(const Tensor& x, const Indices& indices, const char* op, bool negative) {
  const IndexedAccess access = plan_access(x, indices, negative);
  auto node = make_node<IndexBackward>(x);
  Tensor out = empty(access.sizes, x.options());
  ON_DEVICE(x, indexed_read, out, x, access);
  if (node) {
    node->save(op, indices);
    node->sizes.assign(x.sizes().begin(), x.sizes().end());
    node->attach(out);
  }
  return out;
}

void write_indices(const Tensor& x, const Indices& indices, const Tensor& values, bool accumulate,
                   const char* op, bool negative) {
  ENSURE(values.dtype() == x.dtype(), "index_put: values must have dtype ", x.dtype(),
         " (the tensor's dtype), got ", values.dtype());
  check_inplace(x, "index_put_", needs_recording(values));
  const IndexedAccess access = plan_access(x, indices, negative);
  Tensor source = values;
  while (source.dim() > int64_t(access.sizes.size()) && source.size(0) == 1)
    source = source.squeeze(0);
  ENSURE(is_expandable_to(source.sizes(), access.sizes), "index_put: values of shape ",
         values.sizes(), " must be broadcastable to the indexing result's shape ", access.sizes);
  auto node = make_node<IndexPutBackward>(x, source);
  run_indexed_write(x, source, accumulate, [&](const Tensor& target) {
    return target.is_same(x) ? access : plan_access(target, indices, negative);
  });
  if (node) {
    node->save(op, indices);
    node->accumulate = accumulate;
  }
  finish_inplace(x, node);
}

}  // namespace detail
}  // namespace fg
