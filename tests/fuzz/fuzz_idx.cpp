#include "data/gzip.h"
#include "data/idx.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return value_or_error([&] {
    const std::string_view bytes = as_text(data, size);
    constexpr size_t max_bytes = 1 << 20;
    touch(fg::data::is_gzip(bytes) ? fg::data::parse_idx(fg::data::gunzip(bytes, max_bytes))
                                   : fg::data::parse_idx(bytes));
  });
}
