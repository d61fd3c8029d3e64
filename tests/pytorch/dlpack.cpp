// What dlpack.py calls through ctypes: a capsule's pointer comes in and another goes out, or null after an error.
#include <cstdio>

#include "fusegrad.h"

using namespace fg;

namespace {

/// The same memory, transposed, after its first element was set to 42.
template <class Managed>
Managed* exchange(Managed* capsule, Managed* (*to)(const Tensor&)) {
  try {
    const Tensor tensor = from_dlpack(capsule);
    tensor[0][0].fill_(42);
    return to(tensor.t());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return nullptr;
  }
}

}  // namespace

extern "C" dlpack::DLManagedTensorVersioned* exchange_versioned(
    dlpack::DLManagedTensorVersioned* capsule) {
  return exchange(capsule, to_dlpack);
}

extern "C" dlpack::DLManagedTensor* exchange_legacy(dlpack::DLManagedTensor* capsule) {
  return exchange(capsule, to_legacy_dlpack);
}
