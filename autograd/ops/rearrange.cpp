#include "autograd/ops/rearrange.h"

#include "autograd/node.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "tensor/factories.h"
#include "tensor/kernels/index.h"
#include "tensor/kernels/rearrange.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct FlipBackward : Node {
  DimVector dims;
  std::string name() const override { return "FlipBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {grads[0].flip(dims)};
  }
};

// x as `viewed`, some of whose dims of extent 1 are repeated to give `expanded`.
struct RepeatBackward : Node {
  DimVector sizes, viewed, expanded;
  std::string name() const override { return "RepeatBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    Tensor grad = grads[0].reshape(expanded);
    DimVector repeated;
    for (size_t d = 0; d < viewed.size(); ++d)
      if (viewed[d] != expanded[d]) repeated.push_back(int64_t(d));
    if (!repeated.empty()) grad = grad.sum(IntArrayRef(repeated));
    return {grad.reshape(sizes)};
  }
};

Tensor copy_repeated(const Tensor& x, const DimVector& viewed, const DimVector& expanded,
                     const DimVector& result_sizes) {
  auto node = make_node<RepeatBackward>(x);
  Tensor out = empty(result_sizes, x.options());
  if (out.numel() > 0) {
    NoGradGuard no_grad;
    out.view(expanded).copy_(x.reshape(viewed));
  }
  if (node) {
    node->sizes.assign(x.sizes().begin(), x.sizes().end());
    node->viewed = viewed;
    node->expanded = expanded;
    node->attach(out);
  }
  return out;
}

struct TriangleBackward : Node {
  int64_t diagonal = 0;
  bool upper = false;
  std::string name() const override { return upper ? "TriuBackward" : "TrilBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {upper ? grads[0].triu(diagonal) : grads[0].tril(diagonal)};
  }
};

Tensor keep_triangle(const Tensor& x, int64_t diagonal, bool upper) {
  ENSURE(x.dim() >= 2, upper ? "triu" : "tril", ": tensor must have at least 2 dims, got shape ",
         x.sizes());
  auto node = make_node<TriangleBackward>(x);
  Tensor out = empty(x.sizes(), x.options());
  ON_DEVICE(x, triangle, out, x, diagonal, upper);
  if (node) {
    node->diagonal = diagonal;
    node->upper = upper;
    node->attach(out);
  }
  return out;
}

Tensor triangle_indices(int64_t row, int64_t col, int64_t offset, bool upper) {
  ENSURE(row >= 0 && col >= 0, upper ? "triu_indices" : "tril_indices",
         ": row and col must not be negative, got ", row, " and ", col);
  const Tensor all = ones({row, col}, kBool);
  return nonzero(keep_triangle(all, offset, upper)).t().contiguous();
}

void check_output_size(optional<int64_t> given, int64_t actual) {
  ENSURE(!given || *given == actual, "repeat_interleave: output_size must be ", actual,
         " (the sum of the repeats), got ", given.value_or(0));
}

}  // namespace

Tensor repeat(const Tensor& x, IntArrayRef repeats) {
  const profiler::RecordOp recorded("repeat", x);
  ENSURE(int64_t(repeats.size()) >= x.dim(), "repeat: repeats must have at least ", x.dim(),
         " entries (the tensor's dims), got ", repeats);
  DimVector paired, expanded, sizes;  // each dim behind one that repeats it
  const size_t lead = repeats.size() - size_t(x.dim());
  for (size_t d = 0; d < repeats.size(); ++d) {
    ENSURE(repeats[d] >= 0, "repeat: repeats must not be negative, got ", repeats);
    const int64_t extent = d < lead ? 1 : x.sizes()[d - lead];
    for (int64_t size : {int64_t{1}, extent}) paired.push_back(size);
    for (int64_t size : {repeats[d], extent}) expanded.push_back(size);
    sizes.push_back(repeats[d] * extent);
  }
  return copy_repeated(x, paired, expanded, sizes);
}

Tensor tile(const Tensor& x, IntArrayRef repeats) {
  const profiler::RecordOp recorded("tile", x);
  DimVector padded(repeats.begin(), repeats.end());
  while (int64_t(padded.size()) < x.dim()) padded.insert(0, 1);
  return repeat(x, padded);
}

Tensor repeat_interleave(const Tensor& x, int64_t repeats, optional<int64_t> dim,
                         optional<int64_t> output_size) {
  const profiler::RecordOp recorded("repeat_interleave", x);
  ENSURE(repeats >= 0, "repeat_interleave: repeats must not be negative, got ", repeats);
  if (!dim) return repeat_interleave(x.reshape({-1}), repeats, 0, output_size);
  if (x.dim() == 0) return repeat_interleave(x.reshape({1}), repeats, *dim, output_size);
  const int64_t along = wrap_dim(*dim, x.dim(), "repeat_interleave");
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  DimVector viewed = sizes, expanded = sizes;
  viewed.insert(size_t(along) + 1, 1);
  expanded.insert(size_t(along) + 1, repeats);
  sizes[size_t(along)] *= repeats;
  check_output_size(output_size, sizes[size_t(along)]);
  return copy_repeated(x, viewed, expanded, sizes);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, optional<int64_t> dim,
                         optional<int64_t> output_size) {
  const profiler::RecordOp recorded("repeat_interleave", x, repeats);
  ENSURE(repeats.dtype() == kLong && repeats.dim() <= 1,
         "repeat_interleave: repeats must be a Long tensor of at most 1 dim, got ", repeats.dtype(),
         " ", repeats.sizes());
  if (!dim) return repeat_interleave(x.reshape({-1}), repeats, 0, output_size);
  if (repeats.numel() == 1) return repeat_interleave(x, repeats.item<int64_t>(), dim, output_size);
  const int64_t extent = x.size(*dim);
  ENSURE(repeats.numel() == extent, "repeat_interleave: repeats must have ", extent,
         " entries (the tensor's size along dim ", *dim, "), got ", repeats.numel());
  const Tensor counts = repeats.cpu().contiguous();  // the result's shape depends on them
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < extent; ++i) {
    const int64_t count = counts.data_ptr<int64_t>()[i];
    ENSURE(count >= 0, "repeat_interleave: repeats must not be negative, got ", count);
    positions.insert(positions.end(), size_t(count), i);
  }
  check_output_size(output_size, int64_t(positions.size()));
  return x.index_select(*dim, tensor(positions, TensorOptions(kLong)).to(x.device(), kLong));
}
Tensor repeat_interleave(const Tensor& repeats, optional<int64_t> output_size) {
  const profiler::RecordOp recorded("repeat_interleave", repeats);
  ENSURE(repeats.dim() == 1, "repeat_interleave: repeats must have 1 dim, got shape ",
         repeats.sizes());
  return repeat_interleave(arange(repeats.size(0), repeats.options().dtype(kLong)), repeats, 0,
                           output_size);
}

Tensor flip(const Tensor& x, IntArrayRef dims) {
  const profiler::RecordOp recorded("flip", x);
  if (dims.empty()) return x.clone();
  const DimVector flipped = wrap_dims(dims, x.dim(), "flip");
  auto node = make_node<FlipBackward>(x);
  Tensor out = empty(x.sizes(), x.options());
  if (x.numel() > 0) {
    // A read that starts at the far end and steps back; negative strides exist only in here.
    IndexedAccess access;
    access.sizes.assign(x.sizes().begin(), x.sizes().end());
    access.strides.assign(x.strides().begin(), x.strides().end());
    int64_t start = x.storage_offset();
    for (int64_t d : flipped) {
      if (x.dim() == 0) break;
      start += (x.size(d) - 1) * x.stride(d);
      access.strides[size_t(d)] = -x.stride(d);
    }
    const Tensor from_end(
        make_intrusive<TensorImpl>(x.storage(), access.sizes, access.strides, start, x.dtype()));
    ON_DEVICE(x, indexed_read, out, from_end, access);
  }
  if (node) {
    node->dims = flipped;
    node->attach(out);
  }
  return out;
}
Tensor fliplr(const Tensor& x) {
  const profiler::RecordOp recorded("fliplr", x);
  ENSURE(x.dim() >= 2, "fliplr: tensor must have at least 2 dims, got shape ", x.sizes());
  return flip(x, {1});
}
Tensor flipud(const Tensor& x) {
  const profiler::RecordOp recorded("flipud", x);
  ENSURE(x.dim() >= 1, "flipud: tensor must have at least 1 dim, got shape ", x.sizes());
  return flip(x, {0});
}

Tensor roll(const Tensor& x, IntArrayRef shifts, IntArrayRef dims) {
  const profiler::RecordOp recorded("roll", x);
  if (dims.empty()) {
    ENSURE(shifts.size() == 1, "roll: shifts must have 1 entry when dims is empty, got ", shifts);
    return roll(x.reshape({-1}), shifts, {0}).view(x.sizes());
  }
  ENSURE(shifts.size() == dims.size(), "roll: shifts and dims must have the same size, got ",
         shifts, " and ", dims);
  Tensor out = x;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t extent = x.size(dims[i]);
    const int64_t shift = extent ? (shifts[i] % extent + extent) % extent : 0;
    if (shift == 0) continue;
    const Tensor wrapped = out.narrow(dims[i], extent - shift, shift);
    out = cat({wrapped, out.narrow(dims[i], 0, extent - shift)}, dims[i]);
  }
  return out.is_same(x) ? x.clone() : out;
}

Tensor rot90(const Tensor& x, int64_t k, IntArrayRef dims) {
  const profiler::RecordOp recorded("rot90", x);
  ENSURE(dims.size() == 2, "rot90: dims must have 2 entries, got ", dims);
  const DimVector plane = wrap_dims(dims, x.dim(), "rot90");
  switch ((k % 4 + 4) % 4) {
    case 1:
      return flip(x, {plane[1]}).transpose(plane[0], plane[1]);
    case 2:
      return flip(x, plane);
    case 3:
      return flip(x, {plane[0]}).transpose(plane[0], plane[1]);
    default:
      return x.clone();
  }
}

Tensor tril(const Tensor& x, int64_t diagonal) {
  const profiler::RecordOp recorded("tril", x);
  return keep_triangle(x, diagonal, false);
}
Tensor triu(const Tensor& x, int64_t diagonal) {
  const profiler::RecordOp recorded("triu", x);
  return keep_triangle(x, diagonal, true);
}
Tensor tril_indices(int64_t row, int64_t col, int64_t offset) {
  const profiler::RecordOp recorded("tril_indices");
  return triangle_indices(row, col, offset, false);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset) {
  const profiler::RecordOp recorded("triu_indices");
  return triangle_indices(row, col, offset, true);
}

Tensor diag(const Tensor& x, int64_t diagonal) {
  const profiler::RecordOp recorded("diag", x);
  ENSURE(x.dim() == 1 || x.dim() == 2, "diag: tensor must have 1 or 2 dims, got shape ", x.sizes());
  return x.dim() == 1 ? diag_embed(x, diagonal) : x.diagonal(diagonal).clone();
}

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  const profiler::RecordOp recorded("diag_embed", x);
  ENSURE(x.dim() >= 1, "diag_embed: tensor must have at least 1 dim, got shape ", x.sizes());
  const int64_t rank = x.dim() + 1;
  const int64_t first = wrap_dim(dim1, rank, "diag_embed");
  const int64_t second = wrap_dim(dim2, rank, "diag_embed");
  ENSURE(first != second, "diag_embed: dim1 and dim2 must differ, got ", dim1, " and ", dim2);
  DimVector sizes(x.sizes().begin(), x.sizes().end() - 1);
  const int64_t extent = x.size(-1) + std::abs(offset);
  sizes.insert(size_t(std::min(first, second)), extent);
  sizes.insert(size_t(std::max(first, second)), extent);
  Tensor out = zeros(sizes, x.options());
  out.diagonal(offset, first, second).copy_(x);
  return out;
}

Tensor one_hot(const Tensor& x, int64_t num_classes) {
  const profiler::RecordOp recorded("one_hot", x);
  ENSURE(x.dtype() == kLong, "one_hot: tensor must have dtype Long, got ", x.dtype());
  ENSURE(num_classes >= -1, "one_hot: num_classes must be -1 or at least 0, got ", num_classes);
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  if (x.numel() == 0) {
    ENSURE(num_classes > 0, "one_hot: num_classes must be given for a tensor without elements");
    sizes.push_back(num_classes);
    return empty(sizes, x.options());
  }
  if (x.is_cpu() || num_classes == -1) {  // else scatter_'s kernel reports them, and nothing waits
    const int64_t low = x.min().item<int64_t>(), high = x.max().item<int64_t>();
    ENSURE(low >= 0, "one_hot: class values must not be negative, got ", low);
    if (num_classes == -1) num_classes = high + 1;
    ENSURE(high < num_classes, "one_hot: class values must be smaller than num_classes ",
           num_classes, ", got ", high);
  }
  sizes.push_back(num_classes);
  return zeros(sizes, x.options()).scatter_(-1, x.unsqueeze(-1), Scalar(1));
}

Tensor bincount(const Tensor& x, const optional<Tensor>& weights, int64_t minlength) {
  const profiler::RecordOp recorded("bincount", x, weights);
  NoGradGuard no_grad;
  ENSURE(is_integral(x.dtype(), false) && x.dim() == 1,
         "bincount: tensor must be 1-d and of an integer dtype, got ", x.dtype(), " ", x.sizes());
  ENSURE(minlength >= 0, "bincount: minlength must not be negative, got ", minlength);
  const bool weighted = weights && weights->defined();
  ENSURE(!weighted || weights->sizes() == x.sizes(), "bincount: weights must have shape ",
         x.sizes(), " (the tensor's), got ", weighted ? weights->sizes() : IntArrayRef());
  int64_t bins = minlength;
  if (x.numel() > 0) {
    const int64_t low = x.min().item<int64_t>();
    ENSURE(low >= 0, "bincount: values must not be negative, got ", low);
    bins = std::max(bins, x.max().item<int64_t>() + 1);
  }
  const ScalarType dtype = !weighted ? kLong : weights->dtype() == kFloat ? kFloat : kDouble;
  const Tensor counts = zeros({bins}, TensorOptions(dtype).device(x.device()));
  const Tensor amounts =
      weighted ? weights->to(dtype) : ones({}, counts.options()).expand(x.sizes());
  return counts.scatter_add_(0, x.to(kLong), amounts);
}

Tensor TensorMethods::repeat(IntArrayRef repeats) const { return fg::repeat(self(), repeats); }
Tensor TensorMethods::tile(IntArrayRef repeats) const { return fg::tile(self(), repeats); }
Tensor TensorMethods::repeat_interleave(int64_t repeats, optional<int64_t> dim) const {
  return fg::repeat_interleave(self(), repeats, dim);
}
Tensor TensorMethods::flip(IntArrayRef dims) const { return fg::flip(self(), dims); }
Tensor TensorMethods::roll(IntArrayRef shifts, IntArrayRef dims) const {
  return fg::roll(self(), shifts, dims);
}
Tensor TensorMethods::tril(int64_t diagonal) const { return fg::tril(self(), diagonal); }
Tensor TensorMethods::triu(int64_t diagonal) const { return fg::triu(self(), diagonal); }
Tensor TensorMethods::diag(int64_t diagonal) const { return fg::diag(self(), diagonal); }

}  // namespace fg
