// Numbers separated by commas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace fg::data {

struct CsvOptions {
  /// Whether the first line holds the names of the columns.
  bool header = false;
  char delimiter = ',';
  /// Values are read as double and converted to this at the end.
  ScalarType dtype = kFloat;
};

struct Csv {
  /// Empty without a header line.
  std::vector<std::string> columns;
  /// [rows, columns].
  Tensor values;
};

/// Reads a file, plain or gzip. Fields may be quoted and padded with blanks; lines end with LF or
/// CRLF; empty lines are skipped. Throws fg::Error naming line and column where a field is no number
/// (nan and inf are), does not fit the dtype, or a line has another number of fields than the first.
Csv read_csv(const std::string& path, const CsvOptions& options = {});

/// The same from memory, not gzip; `name` stands for the path in errors.
Csv parse_csv(std::string_view text, const CsvOptions& options = {},
              const std::string& name = "buffer");

}  // namespace fg::data
