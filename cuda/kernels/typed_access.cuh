// Elements whose dtype is known at run time only.
#pragma once

#include "tensor/kernels/convert.h"

namespace fg::cuda {

/// Element `offset` of an array of dtype `type`, as a T.
template <class T>
__device__ inline T load_as(const void* data, ScalarType type, int64_t offset) {
  switch (type) {
#define X(cpp_type, Name) \
  case ScalarType::Name:  \
    return convert<T>(static_cast<const cpp_type*>(data)[offset]);
    FOR_EACH_SCALAR_TYPE(X)
#undef X
  }
  return T();
}

template <class T>
__device__ inline void store_as(void* data, ScalarType type, int64_t offset, T value) {
  switch (type) {
#define X(cpp_type, Name)                                            \
  case ScalarType::Name:                                             \
    static_cast<cpp_type*>(data)[offset] = convert<cpp_type>(value); \
    return;
    FOR_EACH_SCALAR_TYPE(X)
#undef X
  }
}

}  // namespace fg::cuda
