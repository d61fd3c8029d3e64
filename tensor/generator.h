// Generator: a source of random numbers. On the CPU it is mt19937 and draws PyTorch's numbers; on CUDA it is
// Philox4x32-10, of which the seed and how far the stream has come are all the state.
#pragma once

#include <mutex>
#include <vector>

#include "fusegrad/version.h"
#include "tensor/device.h"
#include "tensor/intrusive_ptr.h"
#include "tensor/mt19937.h"

namespace fg {

/// What a generator would draw next; two equal states draw equal numbers.
struct GeneratorState {
  Mt19937 engine;
  /// The second half of a Box-Muller pair, still to be handed out; before mean and std.
  optional<double> next_normal;
  uint64_t seed = Mt19937::kDefaultSeed;
  /// CUDA: counters used so far.
  uint64_t offset = 0;
};

/// Handle to a shared generator. Ops lock it while they draw.
class Generator {
 public:
  /// Throws for a CUDA device when no GPU can be used.
  explicit Generator(Device device = kCPU);

  /// Starts the stream anew, as PyTorch's manual_seed does.
  void manual_seed(uint64_t seed);
  uint64_t initial_seed() const;
  /// Reseeds from the system's entropy and returns the seed.
  uint64_t seed();
  /// State as a one-dimensional Byte tensor, and back; set_state throws on a malformed one.
  Tensor get_state() const;
  void set_state(const Tensor& state);
  Device device() const { return impl_->device; }

  std::mutex& mutex() const { return impl_->mutex; }
  /// The stream itself; hold mutex() while using it.
  GeneratorState& state() const { return impl_->state; }
  bool operator==(const Generator& other) const { return impl_ == other.impl_; }

 private:
  struct Impl : RefCounted {
    explicit Impl(Device owner) : device(owner) {}
    const Device device;
    std::mutex mutex;
    GeneratorState state;
  };
  intrusive_ptr<Impl> impl_;
};

/// The generator that ops use when none is given; one per device.
Generator& default_generator(Device device = kCPU);
/// Seeds the default generators of all devices and returns the CPU's.
Generator manual_seed(uint64_t seed);

}  // namespace fg
