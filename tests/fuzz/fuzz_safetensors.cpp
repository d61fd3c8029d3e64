#include "serialize/safetensors.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return value_or_error([&] {
    const fg::SafeTensors file = fg::parse_safetensors(data, size);
    for (const auto& entry : file.tensors) touch(entry.value());
  });
}
