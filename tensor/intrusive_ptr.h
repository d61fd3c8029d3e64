// Intrusive reference counting: one allocation per object, one atomic per copy.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fg {

/// Base of every shared object. Not copyable; lives on the heap and is held by intrusive_ptr.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  virtual ~RefCounted() = default;

  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void release_reference() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      const_cast<RefCounted*>(this)->destroy();
  }
  int64_t use_count() const noexcept { return count_.load(std::memory_order_relaxed); }

 protected:
  /// Called when the last reference goes. Types that form long chains defer the deletion here.
  virtual void destroy() noexcept { delete this; }

 private:
  mutable std::atomic<int64_t> count_{0};
};

template <class T>
class intrusive_ptr {
 public:
  intrusive_ptr() noexcept = default;
  intrusive_ptr(std::nullptr_t) noexcept {}
  explicit intrusive_ptr(T* object) noexcept : object_(object) { retain(); }
  intrusive_ptr(const intrusive_ptr& other) noexcept : object_(other.object_) { retain(); }
  intrusive_ptr(intrusive_ptr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> intrusive_ptr(const intrusive_ptr<U>& other)
  noexcept : object_(other.get()) { retain(); }
  template <class U>
  requires std::is_convertible_v<U*, T*> intrusive_ptr(intrusive_ptr<U>&& other)
  noexcept : object_(other.detach()) {}
  ~intrusive_ptr() { drop(); }

  intrusive_ptr& operator=(intrusive_ptr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  bool operator==(const intrusive_ptr& other) const noexcept { return object_ == other.object_; }
  bool operator==(std::nullptr_t) const noexcept { return object_ == nullptr; }
  int64_t use_count() const noexcept { return object_ ? object_->use_count() : 0; }
  void reset() noexcept { drop(); }
  /// Gives up ownership without changing the count.
  T* detach() noexcept { return std::exchange(object_, nullptr); }

 private:
  void retain() const noexcept {
    if (object_) object_->retain();
  }
  void drop() noexcept {
    if (T* object = std::exchange(object_, nullptr)) object->release_reference();
  }

  T* object_ = nullptr;
};

template <class T, class... Args>
intrusive_ptr<T> make_intrusive(Args&&... args) {
  return intrusive_ptr<T>(new T(std::forward<Args>(args)...));
}

}  // namespace fg
