// autocast: mixed precision by PyTorch's per-op lists.
//
//   const autocast guard(kCUDA, kBFloat16);
//   const Tensor loss = F::cross_entropy(model->forward(x), target);   // products in bfloat16, losses in Float
//
// While a guard lives, the ops of PyTorch's lists (autograd/autocast_lists.h) cast their floating arguments that are on
// the guard's device and not Double: products and convolutions to the guard's dtype, what needs range or precision to
// Float; some ops take the widest of their arguments. All other ops run as ever, in the dtypes that reach them, and so
// do in-place forms. Casts are on the tape, so gradients have the dtypes of what they belong to. A backward pass runs
// with autocast off, inside a guard too: its ops follow the dtypes that the forward pass chose. checkpoint() runs its
// function again in the autocast state of the first run.
//
// The casts of parameters (Float leaves that require grad) are kept with the parameters, see cached_cast. PyTorch frees
// such casts when the outermost guard ends. Here they stay: the next step finds them again, on a GPU written by the
// optimizer's own kernel, and they are never out of date. They cost 2 bytes per element; clear_cache() frees them, and a
// guard with cache_enabled false makes none.
#pragma once

#include "tensor/tensor.h"

namespace fg {

namespace detail {
/// All of a thread's settings.
struct AutocastState {
  struct OfDevice {
    bool enabled;
    ScalarType dtype;
  };
  OfDevice devices[2] = {{false, kBFloat16}, {false, kHalf}};  // by DeviceType
  bool cache_enabled = true;
  /// What ops ask first: some device is enabled, and no op that has cast its arguments is running.
  bool active = false;
  int nesting = 0;
};
}  // namespace detail

class autocast {
 public:
  /// For one kind of device on this thread; guards nest, and inside one with `enabled` false autocast is off for that
  /// kind. `dtype` is kBFloat16 or kHalf, by default get_dtype(device_type).
  explicit autocast(DeviceType device_type, optional<ScalarType> dtype = nullopt,
                    bool enabled = true, bool cache_enabled = is_autocast_cache_enabled());
  ~autocast();
  autocast(const autocast&) = delete;
  autocast& operator=(const autocast&) = delete;

  static bool is_enabled(DeviceType device_type) {
    return state_.devices[size_t(device_type)].enabled;
  }
  /// kBFloat16 on the CPU and kHalf on CUDA, unless set.
  static ScalarType get_dtype(DeviceType device_type) {
    return state_.devices[size_t(device_type)].dtype;
  }

  /// `arg` in `to_type`, without history; for reading only, until `arg` changes. Of a leaf that requires grad and is
  /// Float, a copy of 16 bits is kept with the leaf (the one of the type asked for last) and returned again until the
  /// leaf is changed in place, through whatever alias, or by set_data; writing to its memory behind the library's back
  /// needs clear_cache(). On a GPU the optimizers that change the leaf write the copy, too, in their own pass, so that
  /// it stays current. A CUDA graph captures reads of a copy that is current, and each replay finds it current.
  static Tensor cached_cast(ScalarType to_type, const Tensor& arg);
  /// Frees all copies.
  static void clear_cache();

  // libtorch's names, which set the state without a guard. Those without a device in their name mean CUDA.
  static bool is_autocast_enabled(DeviceType device_type) { return is_enabled(device_type); }
  static void set_autocast_enabled(DeviceType device_type, bool enabled);
  static ScalarType get_autocast_dtype(DeviceType device_type) { return get_dtype(device_type); }
  static void set_autocast_dtype(DeviceType device_type, ScalarType dtype);
  static bool is_autocast_cache_enabled() { return state_.cache_enabled; }
  static void set_autocast_cache_enabled(bool enabled) { state_.cache_enabled = enabled; }
  static bool is_enabled() { return is_enabled(kCUDA); }
  static void set_enabled(bool enabled) { set_autocast_enabled(kCUDA, enabled); }
  static bool is_cpu_enabled() { return is_enabled(kCPU); }
  static void set_cpu_enabled(bool enabled) { set_autocast_enabled(kCPU, enabled); }
  static ScalarType get_autocast_gpu_dtype() { return get_dtype(kCUDA); }
  static void set_autocast_gpu_dtype(ScalarType dtype) { set_autocast_dtype(kCUDA, dtype); }
  static ScalarType get_autocast_cpu_dtype() { return get_dtype(kCPU); }
  static void set_autocast_cpu_dtype(ScalarType dtype) { set_autocast_dtype(kCPU, dtype); }
  /// A count for the caller's use; nothing here depends on it.
  static int increment_nesting() { return ++state_.nesting; }
  static int decrement_nesting() { return --state_.nesting; }

  using State = detail::AutocastState;
  static const State& state() { return state_; }
  /// Goes on in a given state for a scope.
  class StateGuard {
   public:
    explicit StateGuard(const State& state) : previous_(std::exchange(state_, state)) {}
    ~StateGuard() { state_ = previous_; }
    StateGuard(const StateGuard&) = delete;
    StateGuard& operator=(const StateGuard&) = delete;

   private:
    State previous_;
  };

 private:
  static void update_active() {
    state_.active = state_.devices[0].enabled || state_.devices[1].enabled;
  }

  static inline thread_local constinit State state_{};
  State previous_;
};

}  // namespace fg
