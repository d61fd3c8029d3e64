// The device that the op table, the fixtures and the loss curves run on.
#pragma once

#include "tensor/device.h"

namespace fg::test {

/// kCPU, unless the environment variable FUSEGRAD_TEST_DEVICE names another device.
Device device_under_test();

}  // namespace fg::test
