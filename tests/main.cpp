// The one program that holds all tests, run by doctest. Exits with 77 when every selected test case was
// skipped for want of a GPU or the like, or the device under test is missing; CTest reports that as skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <string>

#include <doctest/doctest.h>

#include "cuda/device.h"
#include "cuda/precision.h"
#include "tests/device_under_test.h"
#include "tests/gpu.h"

namespace {

constexpr int kAllSkipped = 77;

struct Skips {
  unsigned cases = 0;  // that ran far enough to find that they cannot run
  bool is_counted = false;
  bool all = false;
} skips;

// Counts test cases that skipped themselves as skipped rather than as passed, in doctest's summary, too.
struct SkipListener : doctest::IReporter {
  explicit SkipListener(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& stats) override {
    skips.all = skips.cases > 0 && skips.cases == stats.numTestCasesPassingFilters;
    // The object is doctest's own, and not const; listeners come before the reporter that prints it.
    const_cast<doctest::TestRunStats&>(stats).numTestCasesPassingFilters -= skips.cases;
  }
  void test_case_start(const doctest::TestCaseData&) override { skips.is_counted = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("skips", 0, SkipListener);

}  // namespace

void skip_case(const std::string& reason) {
  MESSAGE("skipped: ", reason);
  if (!skips.is_counted) ++skips.cases;
  skips.is_counted = true;
}

bool require_gpu() {
  if (!fg::cuda::is_available()) skip_case(fg::cuda::driver_answer());
  return fg::cuda::is_available();
}

int main(int argc, char** argv) {
#ifdef FUSEGRAD_CUDA_HOST
  std::puts("CUDA in this build is its host emulation: nothing here runs on a GPU");
#endif
  if (fg::test::device_under_test().is_cuda() && !fg::cuda::is_available()) {
    std::printf("skipped: %s\n", fg::cuda::driver_answer().c_str());
    return kAllSkipped;
  }
#ifdef FUSEGRAD_CUDA_ENABLED
  // What runs once more on the GPU is compared with float32 and double results.
  if (fg::test::device_under_test().is_cuda()) fg::globalContext().setAllowTF32CuDNN(false);
#endif
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (context.shouldExit() || skips.cases == 0) return status;
  std::printf("%u test cases skipped themselves; the reasons are above\n", skips.cases);
  return status == 0 && skips.all ? kAllSkipped : status;
}
