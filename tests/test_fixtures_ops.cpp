// Every op of tests/fixtures/ops.safetensors against PyTorch: values, dtypes, gradients, promotion.
#include <set>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "serialize/profiler.h"
#include "tensor/factories.h"
#include "tests/fixture_ops.h"

using namespace fg;
using namespace fg::test;

namespace {

// Gradients that PyTorch itself computes with a constant rounded to float (0.7f, 1.f / 6), or, for
// digamma's, with a series of limited accuracy; and for ldexp's, with the logarithm of 2 in float.
const std::map<std::string, double> kInexactGradients = {
    {"celu", 1e-7}, {"digamma", 1e-9}, {"hardsigmoid", 1e-7}, {"ldexp", 1e-8}};

std::string joined(const std::set<std::string>& names) {
  std::string result;
  for (const std::string& name : names) result += name + " ";
  return result;
}

/// Inputs at the edge of the number range show relative errors only, down to the denormals.
bool at_the_edge(const FixtureCase& fixture, const std::vector<Tensor>& inputs) {
  return fixture.options.at("args").empty() && inputs.size() == 1 && inputs[0].numel() == 20;
}

void check_case(const FixtureCase& fixture, const OpFunction& op) {
  const Inputs inputs = inputs_of(fixture);
  const Tensors outputs = op(inputs.tensors, fixture.arguments());
  Tolerance tolerance = tolerance_of(outputs.at(0).dtype() == kFloat ? kFloat : kDouble);
  if (at_the_edge(fixture, inputs.leaves)) tolerance.floor = std::numeric_limits<double>::min();
  check_outputs(fixture, outputs, tolerance);

  const auto inexact = kInexactGradients.find(fixture.options.at("op"));
  if (inexact != kInexactGradients.end())
    tolerance.relative = std::max(tolerance.relative, inexact->second);
  std::vector<std::pair<std::string, Tensor>> leaves;
  for (size_t i = 0; i < inputs.leaves.size(); ++i)
    leaves.emplace_back("grad" + std::to_string(i), inputs.leaves[i]);
  check_gradients(fixture, outputs, leaves, tolerance);
}

}  // namespace

TEST_CASE("ops agree with PyTorch") {
  const OpTable table = make_op_table();
  const FixtureFile file("ops");
  std::set<std::string> missing;
  int num_checked = 0;
  for (const FixtureCase& fixture : file.cases()) {
    if (fixture.name == "type_promotion") continue;
    const auto op = table.find(fixture.options.at("op"));
    if (op == table.end()) {
      missing.insert(fixture.options.at("op").get<std::string>());
      continue;
    }
    ++num_checked;
    try {
      check_case(fixture, op->second);
    } catch (const std::exception& error) {
      FAIL_CHECK(fixture.name, ": ", std::string(error.what()));
    }
  }
  CHECK(joined(missing) == "");
  CHECK(num_checked > 800);
}

namespace {

/// Names that only forward to another op.
const std::map<std::string, std::string> kRecordedAs = {{"affine_grid", "affine_grid_generator"},
                                                        {"broadcast_to", "expand"},
                                                        {"contiguous", "clone"},
                                                        {"expand_as", "expand"},
                                                        {"ger", "outer"},
                                                        {"grid_sample", "grid_sampler"},
                                                        {"hann_window", "hamming_window"},
                                                        {"logsigmoid", "log_sigmoid"},
                                                        {"mT", "transpose"},
                                                        {"msort", "sort"},
                                                        {"reshape_as", "reshape"},
                                                        {"rsub", "sub"},
                                                        {"swapaxes", "transpose"},
                                                        {"vdot", "dot"},
                                                        {"vecdot", "sum"},
                                                        {"view_as", "view"},
                                                        {"vsplit", "tensor_split"}};

std::set<std::string> names_recorded(const FixtureCase& fixture, const OpFunction& op) {
  const Inputs inputs = inputs_of(fixture);
  profiler::Profile profile;
  op(inputs.tensors, fixture.arguments());
  profile.stop();
  std::set<std::string> names;
  for (const profiler::Event& event : profile.events()) names.insert(event.name);
  return names;
}

}  // namespace

TEST_CASE("the profiler records every op under its name") {
  const OpTable table = make_op_table();
  std::set<std::string> done;
  const FixtureFile file("ops");
  for (const FixtureCase& fixture : file.cases()) {
    if (fixture.name == "type_promotion") continue;
    const std::string name = fixture.options.at("op");
    if (!done.insert(name).second) continue;
    const auto alias = kRecordedAs.find(name);
    const std::set<std::string> names = names_recorded(fixture, table.at(name));
    CHECK_MESSAGE(names.count(alias == kRecordedAs.end() ? name : alias->second), name,
                  " is recorded as ", joined(names));
  }
  CHECK(done.size() > 200);
}

namespace {

using DtypeOf = std::function<ScalarType(const std::string&, const std::string&)>;

Tensor ones_of(const std::string& dtype, IntArrayRef size = {2}) {
  return ones(size, dtype_named(dtype));
}

Scalar scalar_of(const std::string& kind) {
  if (kind == "bool") return true;
  return kind == "int" ? Scalar(2) : Scalar(2.5);
}

/// The result's dtype for each "left,right" of the table named `name`.
void check_promotion(const FixtureCase& tables, const std::string& name, const DtypeOf& dtype_of) {
  for (const auto& [pair, expected] : tables.options.at(name).items()) {
    const size_t comma = pair.find(',');
    const ScalarType actual = dtype_of(pair.substr(0, comma), pair.substr(comma + 1));
    const ScalarType wanted = dtype_named(expected.get<std::string>());
    CHECK_MESSAGE(actual == wanted, name, " of ", pair, " is ", actual, ", expected ", wanted);
  }
}

}  // namespace

TEST_CASE("dtypes promote as in PyTorch") {
  const FixtureFile file("ops");
  const FixtureCase& tables = file["type_promotion"];
  check_promotion(tables, "tensor_tensor",
                  [](auto& a, auto& b) { return (ones_of(a) * ones_of(b)).dtype(); });
  check_promotion(tables, "tensor_zero_dim",
                  [](auto& a, auto& b) { return (ones_of(a) * ones_of(b, {})).dtype(); });
  check_promotion(tables, "tensor_scalar",
                  [](auto& a, auto& s) { return (ones_of(a) * scalar_of(s)).dtype(); });
  check_promotion(tables, "div",
                  [](auto& a, auto& b) { return (ones_of(a) / ones_of(b)).dtype(); });
  check_promotion(tables, "div_scalar",
                  [](auto& a, auto& s) { return (ones_of(a) / scalar_of(s)).dtype(); });
  check_promotion(tables, "pow",
                  [](auto& a, auto& b) { return pow(ones_of(a), ones_of(b)).dtype(); });
  check_promotion(tables, "eq",
                  [](auto& a, auto& b) { return (ones_of(a) == ones_of(b)).dtype(); });
  check_promotion(tables, "cat", [](auto& a, auto& b) {
    return cat({ones_of(a), ones_of(b)}, 0).dtype();
  });
  check_promotion(tables, "where", [](auto& a, auto& b) {
    return where(ones_of("bool"), ones_of(a), ones_of(b)).dtype();
  });
}

TEST_CASE("results of one tensor have PyTorch's dtypes") {
  const OpTable table = make_op_table();
  const FixtureFile file("ops");
  const Arguments dim_0(nlohmann::json{{"dim", 0}}), none(nlohmann::json::object());
  check_promotion(file["type_promotion"], "unary", [&](auto& op, auto& dtype) {
    const bool scan = op == "cumsum" || op == "cumprod";
    return table.at(op)({ones_of(dtype)}, scan ? dim_0 : none)[0].dtype();
  });
}
