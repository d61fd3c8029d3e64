// Tensor: a handle to a strided block of elements, optionally recorded on the tape.
//
// tensor/ holds the data side of the library: Tensor and its storage, element types, devices,
// shapes, indexing, random numbers, printing and errors; tensor/kernels/ declares what each device
// must provide and holds the host-device formulas; tensor/cpu/ is the CPU's side. Nothing here knows
// the tape: the autograd record hangs off TensorImpl as an opaque base class.
#pragma once

#include <functional>
#include <memory>

#include "tensor/accessor.h"
#include "tensor/storage.h"
#include "tensor/tensor_methods.h"

namespace fg {

class Node;

/// What the tape knows of a tensor; defined in autograd/record.h.
struct AutogradRecordBase {
  virtual ~AutogradRecordBase() = default;
};

/// How a view was made, as far as in-place ops on it depend on that.
enum class CreationMeta : uint8_t {
  DEFAULT,
  IN_CUSTOM_FUNCTION,
  MULTI_OUTPUT_NODE,
  NO_GRAD_MODE,
  INFERENCE_MODE,
};

/// The object that Tensor handles share: storage, geometry, dtype and the tape's record.
class TensorImpl : public RefCounted {
 public:
  TensorImpl(Storage storage, DimVector sizes, DimVector strides, int64_t offset, ScalarType dtype);

  Storage storage;
  DimVector sizes;
  DimVector strides;  // in elements
  int64_t offset;     // in elements, from the start of the storage
  int64_t numel;
  ScalarType dtype;
  bool contiguous;
  /// True for a 0-dim tensor made from a C++ number: it does not widen the other operand.
  bool wrapped_number = false;
  /// Made under InferenceMode: may not take part in a recorded op.
  bool inference = false;
  /// Made as a view while grad mode was off: in-place writes with grad mode on are refused.
  bool view_without_grad = false;
  intrusive_ptr<VersionCounter> version;
  /// The tensor that this one is a differentiable view of (never itself a view), or null.
  intrusive_ptr<TensorImpl> view_base;
  /// Version at which a view got its grad_fn; a later one means that the base may have a new history.
  uint32_t view_version = 0;
  std::unique_ptr<AutogradRecordBase> autograd;

  void set_geometry(DimVector new_sizes, DimVector new_strides, int64_t new_offset);

  // libtorch's spelling of what the tape knows of a view.
  TensorImpl* autograd_meta() { return this; }
  bool has_bw_view() const { return bool(view_base); }
  CreationMeta get_creation_meta() const {
    return view_without_grad ? CreationMeta::NO_GRAD_MODE
           : inference       ? CreationMeta::INFERENCE_MODE
                             : CreationMeta::DEFAULT;
  }
};

/// A tensor's hook: sees the gradient; may return a replacement, or an undefined tensor to keep it.
using TensorHook = std::function<Tensor(const Tensor&)>;

}  // namespace fg

/// Declared in fusegrad/version.h.
class fg::Tensor : public fg::TensorMethods {
 public:
  Tensor() = default;
  explicit Tensor(intrusive_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor& other) & = default;
  Tensor& operator=(Tensor&& other) & noexcept = default;
  /// Assigning to a temporary writes through the view: `x[0] = 5`.
  Tensor& operator=(const Tensor& other) &&;
  Tensor& operator=(const Scalar& value) &&;

  // What it is.
  bool defined() const { return bool(impl_); }
  int64_t dim() const { return int64_t(impl().sizes.size()); }
  int64_t ndimension() const { return dim(); }
  IntArrayRef sizes() const { return impl().sizes; }
  IntArrayRef strides() const { return impl().strides; }
  int64_t size(int64_t dim) const;
  int64_t stride(int64_t dim) const;
  int64_t numel() const { return impl().numel; }
  int64_t storage_offset() const { return impl().offset; }
  ScalarType scalar_type() const { return impl().dtype; }
  ScalarType dtype() const { return impl().dtype; }
  Device device() const { return impl().storage->device(); }
  int64_t get_device() const { return device().index(); }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_cuda() const { return device().is_cuda(); }
  Layout layout() const { return kStrided; }
  TensorOptions options() const { return TensorOptions(dtype()).device(device()); }
  int64_t element_size() const { return fg::element_size(dtype()); }
  int64_t itemsize() const { return element_size(); }
  int64_t nbytes() const { return numel() * element_size(); }
  bool is_floating_point() const { return is_floating(dtype()); }
  bool is_complex() const { return false; }
  bool is_sparse() const { return false; }
  bool is_quantized() const { return false; }
  bool is_signed() const { return dtype() != kByte && dtype() != kBool; }
  bool is_contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  const Storage& storage() const { return impl().storage; }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  bool is_alias_of(const Tensor& other) const { return storage() == other.storage(); }
  int64_t use_count() const { return impl_.use_count(); }
  std::string toString() const;

  // Its elements.
  void* data_ptr() const;
  /// Throws unless T is the element type.
  template <class T>
  T* data_ptr() const {
    check_element_type(scalar_type_of<T>);
    return static_cast<T*>(data_ptr());
  }
  template <class T>
  const T* const_data_ptr() const {
    return data_ptr<T>();
  }
  /// The value of a one-element tensor.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }
  /// Typed N-dimensional access without bounds checks; throws on another dtype or dim.
  template <class T, size_t N>
  TensorAccessor<T, N> accessor() const& {
    check_element_type(scalar_type_of<T>);
    ENSURE(N == size_t(dim()), "accessor: tensor must have ", N, " dims, got ", dim());
    return TensorAccessor<T, N>(data_ptr<T>(), impl().sizes.data(), impl().strides.data());
  }
  Tensor operator[](int64_t index) const { return select(0, index); }
  Tensor operator[](const Tensor& index) const;
  /// Changes the shape in place and grows the storage; new elements are uninitialised.
  Tensor& resize_(IntArrayRef size) const;

  // The tape (autograd/).
  bool requires_grad() const;
  const Tensor& set_requires_grad(bool requires_grad) const;
  const Tensor& requires_grad_(bool requires_grad = true) const;
  bool is_leaf() const;
  /// The accumulated gradient of a leaf (or of a tensor after retain_grad); undefined if none.
  const Tensor& grad() const;
  Tensor& mutable_grad() const;
  intrusive_ptr<Node> grad_fn() const;
  int64_t output_nr() const;
  void backward(const Tensor& gradient = {}, optional<bool> retain_graph = nullopt,
                bool create_graph = false, optional<TensorList> inputs = nullopt) const;
  /// Shares the data and the version, not the history.
  Tensor detach() const;
  Tensor& detach_() const;
  /// Shares the data; neither history nor version counter.
  Tensor data() const;
  Tensor tensor_data() const { return data(); }
  Tensor variable_data() const { return data(); }
  /// Makes this handle's object share `other`'s data; shape and dtype follow.
  void set_data(const Tensor& other) const;
  void retain_grad() const;
  bool retains_grad() const;
  unsigned register_hook(TensorHook hook) const;
  /// A hook that returns nothing.
  template <class F>
  requires std::is_void_v<std::invoke_result_t<F, Tensor>>
  unsigned register_hook(F hook) const {
    return register_hook(TensorHook([hook = std::move(hook)](const Tensor& grad) mutable {
      hook(grad);
      return Tensor();
    }));
  }
  void remove_hook(unsigned handle) const;
  /// Runs after a backward pass has accumulated into this leaf's gradient.
  unsigned register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const;
  uint32_t _version() const { return impl().version->current(); }
  bool is_view() const { return bool(impl().view_base); }
  const Tensor _base() const { return Tensor(impl().view_base); }
  bool is_inference() const { return impl().inference; }

  /// The shared object; throws on an undefined tensor.
  TensorImpl& impl() const {
    ENSURE(impl_, "tensor: expected a defined tensor, got an undefined one");
    return *impl_;
  }
  const intrusive_ptr<TensorImpl>& impl_ptr() const { return impl_; }
  TensorImpl* unsafeGetTensorImpl() const { return impl_.get(); }
  void reset() { impl_.reset(); }

 private:
  void check_element_type(ScalarType type) const;

  intrusive_ptr<TensorImpl> impl_;
};

namespace fg {

inline const Tensor& TensorMethods::self() const { return static_cast<const Tensor&>(*this); }
inline const Tensor& SecondNames::self() const { return static_cast<const Tensor&>(*this); }
inline const Tensor& ComposedMethods::self() const { return static_cast<const Tensor&>(*this); }

/// Prints values, shape and dtype as libtorch prints them.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);
void print(std::ostream& out, const Tensor& tensor, int64_t line_width);

}  // namespace fg
