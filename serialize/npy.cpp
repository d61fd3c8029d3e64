#include "serialize/npy.h"

#include <charconv>
#include <cstring>
#include <vector>

#include "serialize/file.h"
#include "tensor/claimed_size.h"
#include "tensor/factories.h"

// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

namespace fg {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;

struct DtypeCode {
  ScalarType dtype;
  std::string_view descr;
};
constexpr DtypeCode kDtypeCodes[] = {
    {kByte, "|u1"}, {kChar, "|i1"},  {kShort, "<i2"},  {kInt, "<i4"},  {kLong, "<i8"},
    {kHalf, "<f2"}, {kFloat, "<f4"}, {kDouble, "<f8"}, {kBool, "|b1"},
};

struct Header {
  optional<std::string> descr;
  optional<bool> fortran_order;
  optional<std::vector<uint64_t>> shape;
};

/// Reads the header, a dict literal of Python with three keys.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr")
        set(header.descr, key, quoted());
      else if (key == "fortran_order")
        set(header.fortran_order, key, boolean());
      else if (key == "shape")
        set(header.shape, key, tuple());
      else
        fail("an unknown key '", key, "'");
      if (!accept(',') && peek() != '}') fail("no ',' or '}' at byte ", position_);
    }
    if (peek() != '\0') fail("more after the dict at byte ", position_);
    if (!header.descr || !header.fortran_order || !header.shape) {
      fail("not all of descr, fortran_order and shape");
    }
    return header;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    detail::fail(
        str(where_, "the header must be a dict of descr, fortran_order and shape, got ", parts...));
  }
  template <class T>
  void set(optional<T>& field, const std::string& key, T value) {
    if (field) fail("the key '", key, "' twice");
    field = std::move(value);
  }
  /// The next character that is no blank; NUL at the end.
  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) {
      ++position_;
    }
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char c) {
    const bool found = peek() == c;
    position_ += found;
    return found;
  }
  void expect(char c) {
    if (!accept(c)) fail("no '", c, "' at byte ", position_);
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("no string at byte ", position_);
    const size_t end = text_.find(quote, position_ + 1);
    if (end == text_.npos) fail("a string without end at byte ", position_);
    const std::string value(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view name = value ? "True" : "False";
      if (!text_.substr(position_).starts_with(name)) continue;
      position_ += name.size();
      return value;
    }
    fail("no True or False at byte ", position_);
  }
  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> values;
    expect('(');
    while (!accept(')')) {
      peek();
      uint64_t value = 0;
      const char* begin = text_.data() + position_;
      const auto [stop, error] = std::from_chars(begin, text_.data() + text_.size(), value);
      if (error != std::errc()) fail("a shape without a non-negative integer at byte ", position_);
      position_ += size_t(stop - begin);
      values.push_back(value);
      if (!accept(',') && peek() != ')') fail("no ',' or ')' at byte ", position_);
    }
    return values;
  }

  std::string_view text_;
  const std::string& where_;
  size_t position_ = 0;
};

/// Splits magic, version and header off the front of `bytes`.
Header take_header(std::string_view& bytes, const std::string& where) {
  ENSURE(bytes.starts_with(kMagic), where, "the file must start with \\x93NUMPY");
  const size_t major = bytes.size() > kMagic.size() ? uint8_t(bytes[kMagic.size()]) : 0;
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t header_begin = kMagic.size() + 2 + length_bytes;
  ENSURE(bytes.size() >= header_begin, where, "expected at least ", header_begin, " bytes, got ",
         bytes.size());
  ENSURE(major >= 1 && major <= 3, where, "the format's version must be 1, 2 or 3, got ", major);
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data() + kMagic.size() + 2, length_bytes);
  bytes.remove_prefix(header_begin);
  ENSURE(header_bytes <= bytes.size(), where, "the header must have ", header_bytes,
         " bytes, but only ", bytes.size(), " follow its length");
  const std::string_view text = bytes.substr(0, header_bytes);
  bytes.remove_prefix(header_bytes);
  return HeaderParser(text, where).parse();
}

ScalarType dtype_of(const std::string& descr, const std::string& where) {
  for (const auto& [dtype, code] : kDtypeCodes) {
    if (descr == code) return dtype;
  }
  detail::fail(
      str(where, "descr must be |b1, |u1, |i1, <i2, <i4, <i8, <f2, <f4 or <f8, got '", descr, "'"));
}

/// The transposed view of what was read with its shape reversed: Fortran order.
Tensor reverse_dims(const Tensor& tensor) {
  std::vector<int64_t> dims;
  for (int64_t d = tensor.dim(); d-- > 0;) dims.push_back(d);
  return tensor.permute(dims);
}

std::string header_of(const Tensor& tensor) {
  std::string_view descr;
  for (const auto& [dtype, code] : kDtypeCodes) {
    if (dtype == tensor.dtype()) descr = code;
  }
  std::string text = str("{'descr': '", descr, "', 'fortran_order': False, 'shape': (");
  for (int64_t d = 0; d < tensor.dim(); ++d) text += str(d ? " " : "", tensor.size(d), ",");
  if (tensor.dim() > 1) text.pop_back();
  text += "), }";
  const size_t unpadded = kMagic.size() + 4 + text.size() + 1;
  text.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  text += '\n';
  const char length[] = {char(text.size() & 0xff), char(text.size() >> 8)};
  return str(kMagic, '\1', '\0', std::string_view(length, 2), text);
}

}  // namespace

std::string serialize_npy(const Tensor& tensor, const std::string& name) {
  ENSURE(tensor.defined(), "serialize_npy: ", name, " must be a defined tensor");
  ENSURE(tensor.dtype() != kBFloat16, "serialize_npy: ", name,
         " is BFloat16, which numpy lacks; convert it with to(kFloat) first");
  const Tensor source = tensor.detach().cpu().contiguous();
  std::string bytes = header_of(source);
  if (source.numel()) bytes.append(static_cast<char*>(source.data_ptr()), size_t(source.nbytes()));
  return bytes;
}

Tensor parse_npy(std::string_view bytes, const std::string& name) {
  const std::string where = str("parse_npy: ", name, ": ");
  const Header header = take_header(bytes, where);
  const ScalarType dtype = dtype_of(*header.descr, where);
  const ArrayRef<uint64_t> shape = *header.shape;
  ENSURE(shape.size() <= kMaxClaimedDims, where, "expected at most ", kMaxClaimedDims,
         " dims, got ", shape.size());
  const optional<int64_t> num_bytes = claimed_num_bytes(shape, dtype);
  ENSURE(num_bytes, where, "shape ", shape, " is too large for memory");
  ENSURE(uint64_t(*num_bytes) == bytes.size(), where, "shape ", shape, " of ", dtype, " takes ",
         *num_bytes, " bytes, got ", bytes.size());
  if (dtype == kBool) {
    // A bool that holds neither 0 nor 1 is undefined behaviour wherever it is read.
    const size_t bad = bytes.find_first_not_of(std::string_view("\0\1", 2));
    ENSURE(bad == bytes.npos, where, "bools must be bytes 0 and 1, got ", int(uint8_t(bytes[bad])));
  }
  DimVector sizes(shape.begin(), shape.end());
  if (*header.fortran_order) std::reverse(sizes.begin(), sizes.end());
  const Tensor tensor = empty(sizes, dtype);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return *header.fortran_order ? reverse_dims(tensor) : tensor;
}

Tensor load_npy(const std::string& path) {
  return parse_npy(MappedFile("load_npy", path).bytes(), path);
}

void save_npy(const std::string& path, const Tensor& tensor) {
  write_file("save_npy", path, serialize_npy(tensor, path));
}

}  // namespace fg
