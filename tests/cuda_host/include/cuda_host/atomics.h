// Host emulation of CUDA: atomics and cached loads. One thread runs at a time, so plain accesses will do.
#pragma once

#include <concepts>
#include <type_traits>

namespace cuda_host {

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);
template <class T>
concept AtomicInteger = one_of<T, int, unsigned, unsigned long long>;
template <class T>
concept AtomicOrdered = one_of<T, int, unsigned, long long, unsigned long long>;
template <class T>
concept AtomicNumber = one_of<T, int, unsigned, unsigned long long, float, double>;
template <class T>
using Same = std::type_identity_t<T>;

template <class T>
T exchange(T* address, T value) {
  const T old = *address;
  *address = value;
  return old;
}

}  // namespace cuda_host

template <cuda_host::AtomicNumber T>
T atomicAdd(T* address, cuda_host::Same<T> value) {
  if constexpr (std::is_same_v<T, int>)  // wraps
    return cuda_host::exchange(address, int(unsigned(*address) + unsigned(value)));
  else
    return cuda_host::exchange(address, T(*address + value));
}
template <cuda_host::one_of<int, unsigned> T>
T atomicSub(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, T(unsigned(*address) - unsigned(value)));
}
template <cuda_host::AtomicOrdered T>
T atomicMax(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, *address < value ? value : *address);
}
template <cuda_host::AtomicOrdered T>
T atomicMin(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, value < *address ? value : *address);
}
template <cuda_host::AtomicInteger T>
T atomicOr(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, T(*address | value));
}
template <cuda_host::AtomicInteger T>
T atomicAnd(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, T(*address & value));
}
template <cuda_host::AtomicInteger T>
T atomicXor(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, T(*address ^ value));
}
template <cuda_host::one_of<int, unsigned, unsigned long long, float> T>
T atomicExch(T* address, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, value);
}
template <cuda_host::one_of<int, unsigned, unsigned long long, unsigned short> T>
T atomicCAS(T* address, cuda_host::Same<T> expected, cuda_host::Same<T> value) {
  return cuda_host::exchange(address, *address == expected ? value : *address);
}
inline unsigned atomicInc(unsigned* address, unsigned last) {
  return cuda_host::exchange(address, *address >= last ? 0u : *address + 1);
}
inline unsigned atomicDec(unsigned* address, unsigned last) {
  return cuda_host::exchange(address, *address == 0 || *address > last ? last : *address - 1);
}

#define CUDA_HOST_LOAD(name) \
  template <class T>         \
  T name(const T* address) { \
    return *address;         \
  }
#define CUDA_HOST_STORE(name)                       \
  template <class T>                                \
  void name(T* address, cuda_host::Same<T> value) { \
    *address = value;                               \
  }
CUDA_HOST_LOAD(__ldg)
CUDA_HOST_LOAD(__ldca)
CUDA_HOST_LOAD(__ldcg)
CUDA_HOST_LOAD(__ldcs)
CUDA_HOST_LOAD(__ldlu)
CUDA_HOST_LOAD(__ldcv)
CUDA_HOST_STORE(__stwb)
CUDA_HOST_STORE(__stcg)
CUDA_HOST_STORE(__stcs)
CUDA_HOST_STORE(__stwt)
#undef CUDA_HOST_LOAD
#undef CUDA_HOST_STORE
