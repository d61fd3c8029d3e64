// PyTorch's results, read from tests/fixtures/*.safetensors (made by tests/fixtures/make_fixtures.py,
// whose comment says what each name in a file means), and the comparison with ours.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "serialize/safetensors.h"

namespace fg::test {

/// Keyword arguments as PyTorch takes them.
class Arguments {
 public:
  explicit Arguments(nlohmann::json values) : values_(std::move(values)) {}

  /// False for an argument that is absent or None.
  bool has(const std::string& name) const;
  /// True for an argument that is None in so many words.
  bool is_none(const std::string& name) const;
  int64_t integer(const std::string& name) const { return values_.at(name).get<int64_t>(); }
  int64_t integer(const std::string& name, int64_t otherwise) const;
  optional<int64_t> optional_integer(const std::string& name) const;
  double number(const std::string& name) const { return to_number(values_.at(name)); }
  double number(const std::string& name, double otherwise) const;
  bool flag(const std::string& name, bool otherwise = false) const;
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  /// One number gives a list of one; None within a list gives nullopt's stand-in, -1.
  std::vector<int64_t> integers(const std::string& name) const;
  /// Keeps the kind of the number: integer, floating or bool.
  Scalar scalar(const std::string& name) const { return to_scalar(values_.at(name)); }
  optional<Scalar> optional_scalar(const std::string& name) const;
  const nlohmann::json& json(const std::string& name) const { return values_.at(name); }

 private:
  static double to_number(const nlohmann::json& value);
  static Scalar to_scalar(const nlohmann::json& value);

  nlohmann::json values_;
};

/// float64, int8, ... to the ScalarType.
ScalarType dtype_named(const std::string& name);

class FixtureFile;

/// One case: its options and the tensors under its name.
struct FixtureCase {
  const FixtureFile* file;
  std::string name;
  nlohmann::json options;

  bool has(const std::string& key) const;
  /// A copy on the device under test, since the file's memory is shared by all who read it.
  Tensor operator[](const std::string& key) const;
  /// <prefix>0, <prefix>1, ... as far as they go.
  std::vector<Tensor> numbered(const std::string& prefix) const;
  /// The tensors whose names start with `prefix`, without it.
  StateDict starting_with(const std::string& prefix) const;
  Arguments arguments() const { return Arguments(options.at("args")); }
};

/// One area, tests/fixtures/<area>.safetensors, or the file of a path with that ending.
class FixtureFile {
 public:
  explicit FixtureFile(const std::string& area);
  FixtureFile(const FixtureFile&) = delete;  // its cases point at it
  const std::vector<FixtureCase>& cases() const { return cases_; }
  const FixtureCase& operator[](const std::string& name) const;

 private:
  friend struct FixtureCase;
  StateDict tensors_;
  std::vector<FixtureCase> cases_;
};

/// How far `actual` may be from `expected`: |actual - expected| <= relative * max(|expected|, floor).
struct Tolerance {
  double relative;
  double floor = 1;
};
/// 1e-10 for double; for float what sums of a few dozen terms in another order differ by.
Tolerance tolerance_of(ScalarType dtype);

/// Empty when dtype, shape and values agree (NaN with NaN, infinities exactly), else what differs.
std::string difference(const Tensor& actual, const Tensor& expected, Tolerance tolerance);
std::string difference(const Tensor& actual, const Tensor& expected);

/// Gives `x` the strides that the layout named in the case's options stands for.
Tensor lay_out(const Tensor& x, const std::string& layout);

/// The inputs in<i>: leaves (requiring a gradient where the case stores one), and the same laid out.
struct Inputs {
  std::vector<Tensor> leaves;
  std::vector<Tensor> tensors;
};
Inputs inputs_of(const FixtureCase& fixture);

/// Compares out<i>; runs backward from the stored grad_out<i>; compares each of `gradients` (the name
/// in the fixture, and the leaf). Reports through doctest.
void check_outputs(const FixtureCase& fixture, const std::vector<Tensor>& outputs,
                   Tolerance tolerance);
void check_gradients(const FixtureCase& fixture, const std::vector<Tensor>& outputs,
                     const std::vector<std::pair<std::string, Tensor>>& leaves,
                     Tolerance tolerance);

}  // namespace fg::test
