#include "tests/device_under_test.h"

#include <cstdlib>

namespace fg::test {

Device device_under_test() {
  static const char* const name = std::getenv("FUSEGRAD_TEST_DEVICE");
  return name ? Device(name) : Device(kCPU);
}

bool device_under_test_is_emulated() {
#ifdef FUSEGRAD_CUDA_HOST
  return device_under_test().is_cuda();
#else
  return false;
#endif
}

}  // namespace fg::test
