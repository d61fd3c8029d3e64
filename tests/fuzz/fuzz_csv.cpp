#include "data/csv.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first byte chooses the options.
  if (size == 0) return 0;
  fg::data::CsvOptions options;
  options.header = (data[0] & 1) != 0;
  options.delimiter = (data[0] & 2) != 0 ? ';' : ',';
  options.dtype = (data[0] & 4) != 0 ? fg::kLong : fg::kFloat;
  return value_or_error(
      [&] { touch(fg::data::parse_csv(as_text(data + 1, size - 1), options).values); });
}
