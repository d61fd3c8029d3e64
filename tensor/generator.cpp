#include "tensor/generator.h"

#include <cstring>
#include <random>
#include <type_traits>

#include "tensor/factories.h"

namespace fg {
namespace {

// The state as bytes; written and read by memcpy alone.
struct Packed {
  Mt19937 engine;
  uint64_t seed;
  double next_normal;
  uint64_t has_next_normal;
};
static_assert(std::is_trivially_copyable_v<Packed>);

}  // namespace

Generator::Generator(Device device) : impl_(make_intrusive<Impl>()) {
  ENSURE(device.is_cpu(), "Generator: device must be cpu in this build, got ", device);
}

Device Generator::device() const { return kCPU; }

void Generator::manual_seed(uint64_t seed) {
  const std::lock_guard lock(impl_->mutex);
  impl_->state = GeneratorState{Mt19937(seed), nullopt, seed};
}

uint64_t Generator::initial_seed() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state.seed;
}

uint64_t Generator::seed() {
  std::random_device entropy;
  const uint64_t seed = (uint64_t(entropy()) << 32) | entropy();
  manual_seed(seed);
  return seed;
}

Tensor Generator::get_state() const {
  const std::lock_guard lock(impl_->mutex);
  const GeneratorState& state = impl_->state;
  const Packed packed{state.engine, state.seed, state.next_normal.value_or(0),
                      state.next_normal.has_value()};
  const Tensor bytes = empty({int64_t(sizeof(Packed))}, kByte);
  std::memcpy(bytes.data_ptr(), &packed, sizeof(Packed));
  return bytes;
}

void Generator::set_state(const Tensor& bytes) {
  ENSURE(bytes.dtype() == kByte && bytes.is_contiguous() && bytes.numel() == sizeof(Packed),
         "Generator::set_state: state must be ", sizeof(Packed), " contiguous Byte values, got ",
         bytes.numel(), " of ", bytes.dtype());
  Packed packed;
  std::memcpy(static_cast<void*>(&packed), bytes.data_ptr(), sizeof(Packed));
  ENSURE(packed.engine.valid() && packed.has_next_normal <= 1,
         "Generator::set_state: bytes must be a state that get_state returned");
  const std::lock_guard lock(impl_->mutex);
  impl_->state = GeneratorState{packed.engine, nullopt, packed.seed};
  if (packed.has_next_normal) impl_->state.next_normal = packed.next_normal;
}

Generator& default_generator(Device device) {
  ENSURE(device.is_cpu(), "default_generator: device must be cpu in this build, got ", device);
  static Generator generator;
  return generator;
}

Generator manual_seed(uint64_t seed) {
  default_generator().manual_seed(seed);
  return default_generator();
}

}  // namespace fg
