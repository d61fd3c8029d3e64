// Autocast's weight cache: a parameter's copy in 16 bits, made when the parameter has changed and not at each use.
#pragma once

#include "autograd/streams.h"
#include "tensor/tensor.h"

namespace fg {

namespace autocast {

/// `arg` in `to_type`, without history; for reading only, until `arg` changes. Of a leaf that requires grad and is Float, a copy of 16 bits
/// is kept with the leaf (the one of the type asked for last) and returned again until the leaf is changed in place,
/// through whatever alias, or by set_data; writing to its memory behind the library's back needs clear_cache(). On a
/// GPU the optimizers that change the leaf write the copy, too, in their own pass, so that it stays current. A
/// CUDA graph captures reads of a copy that is current, and each replay finds it current.
Tensor cached_cast(ScalarType to_type, const Tensor& arg);
/// Frees all copies.
void clear_cache();

}  // namespace autocast

namespace detail {

/// The copy that cached_cast keeps with a leaf.
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
