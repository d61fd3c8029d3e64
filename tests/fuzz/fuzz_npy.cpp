#include "serialize/npy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return value_or_error([&] { touch(fg::parse_npy(as_text(data, size))); });
}
