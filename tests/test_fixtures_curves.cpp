// 200 training steps of four nets under three optimizers in two precisions, against PyTorch's losses.
#include <cmath>

#include <doctest/doctest.h>

#include "tests/compare/curve_nets.h"

using namespace fg;
using namespace fg::test;

TEST_CASE("loss curves follow PyTorch's") {
  const FixtureFile file("curves");
  int num_curves = 0;
  for (const FixtureCase& run : file.cases()) {
    if (!run.options.contains("optimizer")) continue;
    ++num_curves;
    const std::vector<double> losses = train_curve(file, run.name);
    const Tensor expected = run["losses"];
    REQUIRE(int64_t(losses.size()) == expected.numel());
    const double last = expected[expected.numel() - 1].item<double>();
    const double limit = run.options.at("dtype") == "float32" ? 1e-4 : 1e-10;
    CHECK_MESSAGE(std::abs(losses.back() - last) <= limit * std::abs(last), run.name, ": ",
                  losses.back(), ", expected ", last);
    // The first loss has no training behind it: there the limit is rounding alone.
    CHECK_MESSAGE(std::abs(losses[0] - expected[0].item<double>()) <= limit / 10 * losses[0],
                  run.name, ": first loss ", losses[0]);
  }
  CHECK(num_curves == 24);
}
