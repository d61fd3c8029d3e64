#include "serialize/npy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return value_or_error([&] {
    constexpr size_t max_bytes = 1 << 20;
    for (const auto& entry : fg::parse_npz(as_text(data, size), "buffer", max_bytes)) {
      touch(entry.value());
    }
  });
}
