// The device that the op table, the fixtures and the loss curves run on.
#pragma once

#include "tensor/device.h"

namespace fg::test {

/// kCPU, unless the environment variable FUSEGRAD_TEST_DEVICE names another device.
Device device_under_test();

/// Whether the device under test is the host emulation of CUDA, on which a tensor core's products cost ten thousand
/// times a GPU's: long runs are to be cut there.
bool device_under_test_is_emulated();

}  // namespace fg::test
