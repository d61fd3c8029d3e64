#include "tests/device_under_test.h"

#include <cstdlib>

namespace fg::test {

Device device_under_test() {
  static const char* const name = std::getenv("FUSEGRAD_TEST_DEVICE");
  return name ? Device(name) : Device(kCPU);
}

}  // namespace fg::test
