// Operands on different devices: errors before any kernel can follow a pointer of the wrong one.
#include <doctest/doctest.h>

#include "autograd/ops/embedding.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/norm.h"
#include "tensor/factories.h"
#include "tests/gpu.h"

using namespace fg;

namespace {

template <class Body>
void refuses(const char* name, const Body& body) {
  CAPTURE(name);
  try {
    body();
    FAIL_CHECK("nothing was thrown");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK_MESSAGE(
        (text.find("device") != std::string::npos || text.find(" on ") != std::string::npos), text);
  }
}

}  // namespace

TEST_CASE("operands on two devices are refused") {
  if (!require_gpu()) return;
  const Tensor cpu = rand({4, 4}), gpu = cpu.to(kCUDA), index = tensor({0, 1, 2, 3});
  refuses("gather", [&] { gpu.gather(1, index.unsqueeze(0)); });
  refuses("gather from the CPU", [&] { cpu.gather(1, index.unsqueeze(0).to(kCUDA)); });
  refuses("index_select", [&] { gpu.index_select(0, index); });
  refuses("scatter", [&] { gpu.scatter(0, index.unsqueeze(0), gpu); });
  refuses("index_add", [&] { gpu.clone().index_add_(0, index, gpu); });
  refuses("masked_fill", [&] { gpu.masked_fill(cpu.gt(0.5), 0); });
  refuses("matmul", [&] { gpu.matmul(cpu); });
  refuses("layer_norm", [&] { layer_norm(gpu, {4}, ones({4}), ones({4})); });
  refuses("layer_norm on the CPU", [&] { layer_norm(cpu, {4}, ones({4}, kCUDA), {}); });
  refuses("embedding", [&] { embedding(gpu, index); });
  refuses("cross_entropy", [&] { cross_entropy(gpu, index); });
  refuses("mse_loss", [&] { mse_loss(gpu, cpu); });
}
