// Autocast's weight cache (autocast::cached_cast): a parameter's copy in 16 bits, made when the parameter has changed and
// not at each use.
#pragma once

#include "autograd/autocast.h"
#include "autograd/streams.h"
#include "tensor/tensor.h"

namespace fg {

namespace detail {

/// The copy that autocast::cached_cast keeps with a leaf.
class KeptCast {
 public:
  explicit KeptCast(const Tensor& leaf);
  ~KeptCast();
  KeptCast(const KeptCast&) = delete;
  KeptCast& operator=(const KeptCast&) = delete;

  bool is_current(const Tensor& leaf) const;
  bool is_current(ScalarType type, const Tensor& leaf) const {
    return is_current(leaf) && copy_.dtype() == type;
  }
  /// The copy, for work on the current stream.
  Tensor get() const;
  /// Brings the copy up to date.
  void renew(ScalarType type, const Tensor& leaf);
  /// After work of the current stream has made the copy.
  void mark_current(const Tensor& leaf);
  /// After `written` has been changed: forgets that the copy is current if the leaf's version does not tell.
  void note_write(const Tensor& written);
  void clear() { copy_.reset(); }
  const StorageImpl* storage() const { return storage_; }
  /// Whether the copy has the leaf's layout.
  bool fits(const Tensor& leaf) const;

 private:
  Tensor copy_;
  const StorageImpl* storage_;
  const VersionCounter* counter_ = nullptr;
  const void* data_ = nullptr;
  uint32_t version_ = 0;
  uint32_t copy_version_ = 0;
  bool is_current_ = false;
  NodeStream written_on_;
};

/// The copy that `param` has on a GPU, for a kernel that changes both; undefined where there is none. Then
/// mark_cast_current.
Tensor cast_to_refresh(const Tensor& param);
void mark_cast_current(const Tensor& param);
/// To be called after every change in place.
void note_write(const Tensor& written);

}  // namespace detail
}  // namespace fg
