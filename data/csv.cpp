#include "data/csv.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "data/gzip.h"
#include "tensor/factories.h"

namespace fg::data {
namespace {

constexpr size_t kMaxQuotedBytes = 40;  // of a bad field in an error

/// Splits one line; fields keep nothing of their quotes and surrounding blanks.
class LineReader {
 public:
  LineReader(char delimiter, const std::string& name) : delimiter_(delimiter), name_(name) {}

  /// `line` without its line end; `number` counts from 1.
  const std::vector<std::string>& split(std::string_view line, int64_t number) {
    number_ = number;
    fields_.clear();
    do {
      skip_blanks(line);
      fields_.emplace_back();
      if (line.starts_with('"'))
        take_quoted(line);
      else
        take_plain(line);
    } while (take_delimiter(line));
    return fields_;
  }

  /// "parse_csv: FILE, line 3, column 2: ", the column counting from 1.
  std::string where(size_t column) const {
    return str("parse_csv: ", name_, ", line ", number_, ", column ", column, ": ");
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  void skip_blanks(std::string_view& line) const {
    while (!line.empty() && is_blank(line[0]) && line[0] != delimiter_) line.remove_prefix(1);
  }
  void take_plain(std::string_view& line) {
    const size_t end = std::min(line.find(delimiter_), line.size());
    std::string_view field = line.substr(0, end);
    while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
    fields_.back() = field;
    line.remove_prefix(end);
  }
  void take_quoted(std::string_view& line) {
    do {  // a doubled quote stands for one
      line.remove_prefix(1);
      const size_t end = line.find('"');
      ENSURE(end != line.npos, where(fields_.size()), "a quoted field must end on its line");
      if (quote_follows_) fields_.back() += '"';
      fields_.back() += line.substr(0, end);
      line.remove_prefix(end + 1);
      quote_follows_ = line.starts_with('"');
    } while (quote_follows_);
    skip_blanks(line);
  }
  bool take_delimiter(std::string_view& line) {
    if (line.empty()) return false;
    ENSURE(line[0] == delimiter_, where(fields_.size()), "expected '", delimiter_,
           "' after a quoted field, got '", line[0], "'");
    line.remove_prefix(1);
    return true;
  }

  const char delimiter_;
  const std::string& name_;
  int64_t number_ = 0;
  bool quote_follows_ = false;
  std::vector<std::string> fields_;
};

/// Largest magnitude that `dtype` stores; anything beyond would become infinite or wrap around.
template <class T>
bool fits(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return !std::isfinite(value) || std::abs(value) <= double(std::numeric_limits<T>::max());
  } else if constexpr (std::is_integral_v<T>) {
    // The upper bound is a power of two and so exact, which max() of int64 is not.
    return value == std::trunc(value) && value >= double(std::numeric_limits<T>::min()) &&
           value < std::ldexp(1.0, std::numeric_limits<T>::digits);
  } else {
    return !std::isfinite(value) || std::isfinite(float(T(float(value))));
  }
}

double parse_number(const std::string& field, ScalarType dtype, const LineReader& line,
                    size_t column) {
  const char* begin = field.data();
  const char* end = begin + field.size();
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') ++begin;
  double value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  const auto shown = [&] {
    return field.size() <= kMaxQuotedBytes ? field : field.substr(0, kMaxQuotedBytes) + "...";
  };
  ENSURE(error != std::errc::invalid_argument && stop == end, line.where(column),
         "expected a number, got '", shown(), "'");
  const bool in_range = error == std::errc() &&
                        dispatch_all(dtype, "parse_csv", [&]<class T>() { return fits<T>(value); });
  ENSURE(in_range, line.where(column), "expected a number that ", dtype, " can hold, got '",
         shown(), "'");
  return value;
}

}  // namespace

Csv parse_csv(std::string_view text, const CsvOptions& options, const std::string& name) {
  LineReader reader(options.delimiter, name);
  Csv result;
  std::vector<double> values;
  size_t num_columns = 0;
  int64_t num_rows = 0;
  bool first = true;
  if (text.starts_with("\ufeff")) text.remove_prefix(3);  // spreadsheets mark UTF-8 so
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(' ') == line.npos) continue;
    const std::vector<std::string>& fields = reader.split(line, number);
    if (first) num_columns = fields.size();
    ENSURE(fields.size() == num_columns, "parse_csv: ", name, ", line ", number, ": expected ",
           num_columns, " fields, got ", fields.size());
    if (std::exchange(first, false) && options.header) {
      result.columns = fields;
      continue;
    }
    for (size_t column = 0; column < num_columns; ++column) {
      values.push_back(parse_number(fields[column], options.dtype, reader, column + 1));
    }
    ++num_rows;
  }
  result.values = empty({num_rows, int64_t(num_columns)}, options.dtype);
  dispatch_all(options.dtype, "parse_csv", [&]<class T>() {
    T* out = result.values.data_ptr<T>();
    for (const double value : values) {
      if constexpr (std::is_arithmetic_v<T>)
        *out++ = T(value);
      else
        *out++ = T(float(value));
    }
  });
  return result;
}

Csv read_csv(const std::string& path, const CsvOptions& options) {
  return parse_csv(read_file(path), options, path);
}

}  // namespace fg::data
