// The CPU generator's draws against PyTorch's, bit for bit (tests/fixtures/RNG.md).
#include <set>

#include <doctest/doctest.h>

#include "autograd/ops/dropout.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"
#include "tests/fixture_ops.h"

using namespace fg;
using namespace fg::test;

namespace {

Tensor empty_of(const Arguments& a) {
  const Tensor x = empty(a.integers("size"), dtype_named(a.text("dtype")));
  return a.flag("transposed") ? x.t() : x;
}

Tensor drop(const Arguments& a) {
  const Tensor x = ones(a.integers("size"), dtype_named(a.text("dtype")));
  const std::string function = a.text("function");
  const double p = a.number("p");
  if (function == "dropout") return dropout(x, p, true);
  if (function == "dropout2d") return feature_dropout(x, p, true);
  return function == "alpha_dropout" ? alpha_dropout(x, p, true)
                                     : feature_alpha_dropout(x, p, true);
}

/// A draw, given its options and the case's input tensor where it reads one.
using Draw = std::function<Tensor(const Arguments&, const Tensor&)>;

const std::map<std::string, Draw>& draws() {
  static const std::map<std::string, Draw> table = {
      {"uniform",
       [](auto& a, auto&) { return empty_of(a).uniform_(a.number("from"), a.number("to")); }},
      {"normal",
       [](auto& a, auto&) { return empty_of(a).normal_(a.number("mean"), a.number("std")); }},
      {"randint",
       [](auto& a, auto&) {
         return randint(a.integer("low"), a.integer("high"), a.integers("size"),
                        dtype_named(a.text("dtype")));
       }},
      {"random", [](auto& a, auto&) { return empty_of(a).random_(); }},
      {"random_from_to",
       [](auto& a, auto&) {
         return empty_of(a).random_(a.integer("from"), optional<int64_t>(a.integer("to")));
       }},
      {"random_full",
       [](auto& a, auto&) {
         return empty_of(a).random_(std::numeric_limits<int64_t>::min(), optional<int64_t>());
       }},
      {"randperm",
       [](auto& a, auto&) {
         return randperm(a.integers("size")[0], TensorOptions(dtype_named(a.text("dtype"))));
       }},
      {"bernoulli", [](auto& a, auto&) { return empty_of(a).bernoulli_(a.number("p")); }},
      {"bernoulli_tensor", [](auto&, auto& p) { return bernoulli(p); }},
      {"bernoulli_tensor_", [](auto& a, auto& p) { return empty_of(a).bernoulli_(p); }},
      {"exponential", [](auto& a, auto&) { return empty_of(a).exponential_(a.number("lambda")); }},
      {"multinomial",
       [](auto& a, auto& weights) {
         return weights.multinomial(a.integer("n"), a.flag("replacement"));
       }},
      {"dropout", [](auto& a, auto&) { return drop(a); }},
      {"gumbel_softmax",
       [](auto& a, auto& logits) {
         return gumbel_softmax(logits, a.number("tau"), a.flag("hard"));
       }},
  };
  return table;
}

/// Draws that the library leaves out, and those that test_fixtures_init.cpp checks.
const std::set<std::string> kElsewhere = {"cauchy", "geometric", "init", "log_normal", "rrelu"};

/// Equal bits, but where a vectorised exp, log or sqrt comes after the draw.
Tolerance tolerance_for(const Arguments& a, const std::string& op, ScalarType dtype) {
  const bool computed =
      op == "gumbel_softmax" ||
      (op == "dropout" && a.text("function") != "dropout" && a.text("function") != "dropout2d");
  if (!computed) return {0};
  return {dtype == kDouble ? 1e-14 : 2e-6};
}

void check_case(const FixtureCase& fixture, const nlohmann::json& list) {
  manual_seed(uint64_t(fixture.options.at("seed").get<int64_t>()));
  const std::vector<Tensor> inputs = fixture.numbered("in");
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string op = list[i].at("op");
    const Arguments a(list[i]);
    const Tensor input = a.has("in") ? inputs[size_t(a.integer("in"))] : Tensor();
    const Tensor expected = fixture["out" + std::to_string(i)];
    const std::string text =
        difference(draws().at(op)(a, input), expected, tolerance_for(a, op, expected.dtype()));
    CHECK_MESSAGE(text.empty(), fixture.name, ": draw ", i, " (", op, ") ", text);
  }
}

}  // namespace

TEST_CASE("draws equal PyTorch's") {
  const FixtureFile file("rng");
  std::set<std::string> skipped;
  for (const FixtureCase& fixture : file.cases()) {
    if (!fixture.options.contains("draws")) continue;  // default initialisation: test_fixtures_init
    const auto& list = fixture.options.at("draws");
    const bool known = std::all_of(list.begin(), list.end(),
                                   [](auto& d) { return draws().count(d.at("op")) > 0; });
    if (!known) {
      for (const auto& d : list)
        if (!draws().count(d.at("op"))) skipped.insert(d.at("op").template get<std::string>());
      continue;
    }
    try {
      check_case(fixture, list);
    } catch (const std::exception& error) {
      FAIL_CHECK(fixture.name, ": ", std::string(error.what()));
    }
  }
  CHECK((skipped == kElsewhere));
}
