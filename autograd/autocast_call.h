// How an op takes part in autocast: one line at its public entry, which calls the op again with its arguments cast as
// its row of autocast_lists.h has it, and with autocast off inside.
//
//   Tensor mm(const Tensor& self, const Tensor& other) {
//     if (detail::is_autocast()) return detail::autocast_call("mm", mm, self, other);
//
// An op that is in no list, but is made of ops that are, has the line, too, where PyTorch's is not made of them: then
// nothing is cast.
#pragma once

#include "autograd/autocast.h"
#include "autograd/autocast_lists.h"

namespace fg::detail {

/// Whether an op has to look at its row: what autocast costs where it is off.
inline bool is_autocast() { return autocast::state().active; }

/// The same for ops that are in CUDA's lists and, on the CPU, are made of ops that are.
inline bool is_cuda_autocast(const Tensor& t) {
  return is_autocast() && t.is_cuda() && autocast::is_enabled(kCUDA);
}
inline bool is_cuda_autocast(TensorList list) {
  return !list.empty() && is_cuda_autocast(list.front());
}

/// A scope in which autocast is off on this thread.
class AutocastOff : autocast::StateGuard {
 public:
  AutocastOff() : StateGuard(disabled(autocast::state())) {}

 private:
  static autocast::State disabled(autocast::State state) {
    for (auto& device : state.devices) device.enabled = false;
    state.active = false;
    return state;
  }
};

/// One call's casts. Autocast is off for as long as it lives.
class AutocastCall {
 public:
  template <class... Args>
  explicit AutocastCall(const AutocastOp& op, const Args&... args)
      : op_(op), outside_(autocast::state()) {
    (note_device(args), ...);
    choose_policy();
    if (policy_ == CastPolicy::promote) (widen(args), ...);
  }

  Tensor operator()(const Tensor& t) const;
  std::vector<Tensor> operator()(TensorList list) const;
  std::vector<Tensor> operator()(const std::vector<Tensor>& list) const {
    return (*this)(TensorList(list));
  }
  optional<Tensor> operator()(const optional<Tensor>& t) const {
    return t ? optional<Tensor>((*this)(*t)) : t;
  }
  optional<ScalarType> operator()(optional<ScalarType> dtype) const {
    return sets_dtype_ && !dtype ? kFloat : dtype;
  }
  template <class T>
  const T& operator()(const T& other) const {
    return other;
  }

 private:
  void note_device(const Tensor& t);
  void note_device(const optional<Tensor>& t) {
    if (t) note_device(*t);
  }
  void note_device(TensorList list) {
    for (const Tensor& t : list) note_device(t);
  }
  void note_device(const std::vector<Tensor>& list) { note_device(TensorList(list)); }
  template <class T>
  void note_device(const T&) {}
  void widen(const Tensor& t);
  void widen(const optional<Tensor>& t) {
    if (t) widen(*t);
  }
  void widen(TensorList list) {
    for (const Tensor& t : list) widen(t);
  }
  void widen(const std::vector<Tensor>& list) { widen(TensorList(list)); }
  template <class T>
  void widen(const T&) {}
  void choose_policy();
  bool is_eligible(const Tensor& t) const;

  const AutocastOp op_;
  const autocast::State outside_;
  const AutocastOff off_;
  DeviceType device_ = kCPU;
  Tensor first_;
  CastPolicy policy_ = CastPolicy::none;
  ScalarType type_ = kFloat;  // what arguments are cast to
  bool sets_dtype_ = false;
};

/// f(args...), cast as `op` has it.
template <class F, class... Args>
auto autocast_call(const AutocastOp& op, const F& f, const Args&... args) {
  const AutocastCall cast(op, args...);
  return f(cast(args)...);
}

}  // namespace fg::detail
