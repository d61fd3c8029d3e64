#include "tensor/dtype.h"

#include <array>
#include <atomic>

namespace fg {
namespace {

std::atomic<ScalarType> default_dtype{kFloat};

struct TypeFacts {
  const char* name;
  int64_t bytes;
  int rank;  // order within integers / floats for promotion
};

constexpr std::array<TypeFacts, kNumScalarTypes> kFacts = {{
    {"Byte", 1, 1},
    {"Char", 1, 2},
    {"Short", 2, 3},
    {"Int", 4, 4},
    {"Long", 8, 5},
    {"Half", 2, 6},
    {"Float", 4, 8},
    {"Double", 8, 9},
    {"Bool", 1, 0},
    {"BFloat16", 2, 7},
}};

const TypeFacts& facts(ScalarType type) { return kFacts[static_cast<size_t>(type)]; }

}  // namespace

int64_t element_size(ScalarType type) { return facts(type).bytes; }
const char* to_string(ScalarType type) { return facts(type).name; }
std::ostream& operator<<(std::ostream& out, ScalarType type) { return out << to_string(type); }

ScalarType promote_types(ScalarType a, ScalarType b) {
  if (a == b) return a;
  const ScalarType low = facts(a).rank < facts(b).rank ? a : b;
  const ScalarType high = low == a ? b : a;
  // The pairs of equal width that hold different values meet in the next wider type.
  if (low == kByte && is_integral(high, false)) return high == kChar ? kShort : high;
  if (low == kHalf && high == kBFloat16) return kFloat;
  return high;
}

bool can_cast(ScalarType from, ScalarType to) {
  if (is_floating(from) && !is_floating(to)) return false;
  return from == kBool || to != kBool;
}

ScalarType get_default_dtype() { return default_dtype; }

void set_default_dtype(ScalarType type) {
  ENSURE(is_floating(type), "set_default_dtype: type must be a floating type, got ", type);
  default_dtype = type;
}

void detail::fail_dtype(const char* op, const char* expected, ScalarType got) {
  detail::fail(str(op, ": dtype must be ", expected, ", got ", got));
}

}  // namespace fg
