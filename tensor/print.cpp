// Printing, character for character as libtorch 1.13 does it in C++.
#include <cmath>
#include <iomanip>

#include "tensor/tensor.h"

namespace fg {
namespace {

/// Restores a stream's flags, width and precision at the end of a scope.
class FormatGuard {
 public:
  explicit FormatGuard(std::ostream& out) : out_(out) { saved_.copyfmt(out); }
  ~FormatGuard() { out_.copyfmt(saved_); }
  FormatGuard(const FormatGuard&) = delete;
  FormatGuard& operator=(const FormatGuard&) = delete;

 private:
  std::ostream& out_;
  std::ios saved_{nullptr};
};

// A matrix (or a vector as one column) of doubles.
struct Matrix {
  const double* values;
  int64_t rows;
  int64_t columns;
  int64_t numel() const { return rows * columns; }
};

struct Layout {
  double scale = 1;  // printed once, in front; the elements are divided by it
  int width;
};

int decimal_digits(double magnitude) {
  return magnitude == 0 ? 1 : int(std::floor(std::log10(magnitude))) + 1;
}

// Sets the stream's notation for these values.
Layout choose_layout(std::ostream& out, const Matrix& matrix) {
  const double* const end = matrix.values + matrix.numel();
  const double* first = std::find_if(matrix.values, end, [](double x) { return std::isfinite(x); });
  double low = 1, high = 1;
  bool whole = true;
  if (first != end) low = high = std::abs(*first);
  for (const double* x = first; x != end; ++x) {
    if (!std::isfinite(*x)) continue;
    whole = whole && *x == std::ceil(*x);
    low = std::min(low, std::abs(*x));
    high = std::max(high, *x);  // libtorch takes the sign along here: large negatives do not widen
  }
  const int min_digits = decimal_digits(low), max_digits = decimal_digits(high);

  const auto scientific = [&](int width) {
    out << std::scientific << std::setprecision(4);
    return Layout{1, width};
  };
  if (whole) {
    if (max_digits > 9) return scientific(11);
    out << std::defaultfloat;
    return {1, max_digits + 1};
  }
  if (max_digits - min_digits > 4)
    return scientific(std::abs(max_digits) > 99 || std::abs(min_digits) > 99 ? 12 : 11);
  out << std::fixed << std::setprecision(4);
  if (max_digits > 5 || max_digits < 0) return {std::pow(10.0, max_digits - 1), 7};
  return {1, max_digits == 0 ? 7 : max_digits + 6};
}

void print_scale(std::ostream& out, double scale) {
  FormatGuard guard(out);
  out << std::defaultfloat << scale << " *\n";
}

void print_vector(std::ostream& out, const Matrix& column) {
  const Layout layout = choose_layout(out, column);
  if (layout.scale != 1) print_scale(out, layout.scale);
  for (int64_t i = 0; i < column.rows; ++i)
    out << std::setw(layout.width) << column.values[i] / layout.scale << '\n';
}

// In blocks of as many columns as fit into a line.
void print_matrix(std::ostream& out, const Matrix& matrix, int64_t line_width,
                  const std::string& indent) {
  const Layout layout = choose_layout(out, matrix);
  const bool scaled = layout.scale != 1;
  const int64_t room = line_width - int64_t(indent.size());
  const int64_t per_line = std::max<int64_t>(1, room / (layout.width + 1));
  out << indent;
  for (int64_t begin = 0; begin < matrix.columns; begin += per_line) {
    const int64_t end = std::min(begin + per_line, matrix.columns);
    if (per_line < matrix.columns) {
      if (begin > 0) out << '\n';
      out << "Columns " << begin + 1 << " to " << end << indent;
    }
    if (scaled) {
      print_scale(out, layout.scale);
      out << indent;
    }
    for (int64_t row = 0; row < matrix.rows; ++row) {
      if (row > 0) out << indent << (scaled ? " " : "");
      for (int64_t column = begin; column < end; ++column) {
        const double value = matrix.values[row * matrix.columns + column];
        out << (column > begin ? " " : "") << std::setw(layout.width) << value / layout.scale;
      }
      out << '\n';
    }
  }
}

// The matrices of the last two dims, the first dim's number running fastest.
void print_slices(std::ostream& out, const double* values, IntArrayRef sizes, int64_t line_width) {
  const size_t outer_dims = sizes.size() - 2;
  const int64_t rows = sizes[outer_dims], columns = sizes[outer_dims + 1];
  DimVector index(outer_dims);
  for (bool more = true, first = true; more; first = false) {
    int64_t position = 0;
    out << (first ? "(" : "\n(");
    for (size_t d = 0; d < outer_dims; ++d) {
      position = position * sizes[d] + index[d];
      out << index[d] + 1 << ',';
    }
    out << ".,.) = \n";
    print_matrix(out, {values + position * rows * columns, rows, columns}, line_width, " ");
    size_t d = 0;
    while (d < outer_dims && ++index[d] == sizes[d]) index[d++] = 0;
    more = d < outer_dims;
  }
}

}  // namespace

void print(std::ostream& out, const Tensor& tensor, int64_t line_width) {
  FormatGuard guard(out);
  if (!tensor.defined()) {
    out << "[ Tensor (undefined) ]";
    return;
  }
  const Tensor host = tensor.detach().cpu().to(kDouble).contiguous();
  const double* values = host.data_ptr<double>();
  const IntArrayRef sizes = host.sizes();
  if (host.dim() == 0) {
    out << std::defaultfloat << *values << '\n';
  } else if (host.numel() > 0) {
    if (host.dim() == 1)
      print_vector(out, {values, sizes[0], 1});
    else if (host.dim() == 2)
      print_matrix(out, {values, sizes[0], sizes[1]}, line_width, "");
    else
      print_slices(out, values, sizes, line_width);
  }
  out << "[ " << tensor.toString() << '{';
  for (size_t d = 0; d < sizes.size(); ++d) out << (d ? "," : "") << sizes[d];
  out << "} ]";
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  print(out, tensor, 80);
  return out;
}

namespace indexing {

std::ostream& operator<<(std::ostream& out, const Slice& slice) {
  return out << slice.start() << ':' << slice.stop() << ':' << slice.step();
}

std::ostream& operator<<(std::ostream& out, const TensorIndex& index) {
  if (index.is_none()) return out << "None";
  if (index.is_ellipsis()) return out << "...";
  if (index.is_integer()) return out << index.integer();
  if (index.is_boolean()) return out << (index.boolean() ? "true" : "false");
  if (index.is_slice()) return out << index.slice();
  return out << index.tensor();
}

std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices) {
  return out << '(' << join(", ", indices) << ')';
}

}  // namespace indexing
}  // namespace fg
