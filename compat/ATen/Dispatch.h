// AT_DISPATCH_*: calls a lambda with `scalar_t` as the C++ type of a dtype.
#pragma once

#include "ATen.h"

#define AT_DISPATCH_FLOATING_TYPES(dtype, name, ...) \
  ::fg::dispatch_float_double(dtype, name, [&]<class scalar_t>() { return (__VA_ARGS__)(); })
