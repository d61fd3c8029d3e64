#include "tensor/generator.h"

#include <cstring>
#include <map>
#include <random>
#include <type_traits>

#include "tensor/factories.h"

namespace fg {
namespace {

// The state as bytes; written and read by memcpy alone.
struct PackedCpu {
  Mt19937 engine;
  uint64_t seed;
  double next_normal;
  uint64_t has_next_normal;
};
struct PackedCuda {
  uint64_t seed;
  uint64_t offset;
};

template <class Packed>
Tensor to_bytes(const Packed& packed) {
  static_assert(std::is_trivially_copyable_v<Packed>);
  const Tensor bytes = empty({int64_t(sizeof(Packed))}, kByte);
  std::memcpy(bytes.data_ptr(), &packed, sizeof(Packed));
  return bytes;
}

template <class Packed>
Packed from_bytes(const Tensor& bytes) {
  ENSURE(bytes.dtype() == kByte && bytes.is_cpu() && bytes.is_contiguous() &&
             bytes.numel() == sizeof(Packed),
         "Generator::set_state: state must be ", sizeof(Packed), " contiguous Byte values, got ",
         bytes.numel(), " of ", bytes.dtype());
  Packed packed;
  std::memcpy(static_cast<void*>(&packed), bytes.data_ptr(), sizeof(Packed));
  return packed;
}

/// The generators of the GPUs in use, and the seed of those still to come.
struct CudaGenerators {
  std::mutex mutex;
  std::map<DeviceIndex, Generator> by_index;
  uint64_t seed = Mt19937::kDefaultSeed;
};
CudaGenerators& cuda_generators() {
  static CudaGenerators generators;
  return generators;
}

}  // namespace

Generator::Generator(Device device) : impl_(make_intrusive<Impl>(device.resolved())) {}

void Generator::manual_seed(uint64_t seed) {
  const std::lock_guard lock(impl_->mutex);
  impl_->state = GeneratorState{Mt19937(seed), nullopt, seed, 0};
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
  if (device().is_cuda()) return to_bytes(PackedCuda{state.seed, state.offset});
  return to_bytes(PackedCpu{state.engine, state.seed, state.next_normal.value_or(0),
                            state.next_normal.has_value()});
}

void Generator::set_state(const Tensor& bytes) {
  GeneratorState state;
  if (device().is_cuda()) {
    const auto packed = from_bytes<PackedCuda>(bytes);
    state.seed = packed.seed;
    state.offset = packed.offset;
  } else {
    const auto packed = from_bytes<PackedCpu>(bytes);
    ENSURE(packed.engine.valid() && packed.has_next_normal <= 1,
           "Generator::set_state: bytes must be a state that get_state returned");
    state.engine = packed.engine;
    state.seed = packed.seed;
    if (packed.has_next_normal) state.next_normal = packed.next_normal;
  }
  const std::lock_guard lock(impl_->mutex);
  impl_->state = state;
}

Generator& default_generator(Device device) {
  if (device.is_cuda()) {
    CudaGenerators& generators = cuda_generators();
    const Device resolved = device.resolved();
    const std::lock_guard lock(generators.mutex);
    auto found = generators.by_index.find(resolved.index());
    if (found == generators.by_index.end()) {
      found = generators.by_index.emplace(resolved.index(), Generator(resolved)).first;
      found->second.manual_seed(generators.seed);
    }
    return found->second;
  }
  static Generator generator;
  return generator;
}

Generator manual_seed(uint64_t seed) {
  default_generator().manual_seed(seed);
  CudaGenerators& generators = cuda_generators();
  const std::lock_guard lock(generators.mutex);
  generators.seed = seed;
  for (auto& [index, generator] : generators.by_index) generator.manual_seed(seed);
  return default_generator();
}

}  // namespace fg
