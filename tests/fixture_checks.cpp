#include <doctest/doctest.h>

#include "tensor/factories.h"
#include "tests/fixture.h"

namespace fg::test {

void check_outputs(const FixtureCase& fixture, const std::vector<Tensor>& outputs,
                   Tolerance tolerance) {
  const std::vector<Tensor> expected = fixture.numbered("out");
  CHECK_MESSAGE(outputs.size() == expected.size(), fixture.name, ": number of results");
  for (size_t i = 0; i < std::min(outputs.size(), expected.size()); ++i) {
    const std::string text = difference(outputs[i], expected[i], tolerance);
    CHECK_MESSAGE(text.empty(), fixture.name, ": result ", i, " ", text);
  }
}

void check_gradients(const FixtureCase& fixture, const std::vector<Tensor>& outputs,
                     const std::vector<std::pair<std::string, Tensor>>& leaves,
                     Tolerance tolerance) {
  bool any = false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string key = "grad_out" + std::to_string(i);
    CHECK_MESSAGE(outputs[i].requires_grad() == fixture.has(key), fixture.name, ": result ", i,
                  " must require a gradient: ", fixture.has(key));
    if (!fixture.has(key) || !outputs[i].requires_grad()) continue;
    outputs[i].backward(fixture[key], /*retain_graph=*/true);
    any = true;
  }
  if (!any) return;
  for (const auto& [key, leaf] : leaves) {
    if (!fixture.has(key)) continue;
    const Tensor grad = leaf.grad().defined() ? leaf.grad() : zeros_like(leaf.detach());
    const std::string text = difference(grad, fixture[key], tolerance);
    CHECK_MESSAGE(text.empty(), fixture.name, ": ", key, " ", text);
  }
}

}  // namespace fg::test
