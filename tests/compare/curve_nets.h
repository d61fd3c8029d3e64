// The nets of the loss-curve fixtures, as tests/fixtures/curve_nets.py has them, and their training.
#pragma once

#include "tests/fixture.h"

namespace fg::test {

/// Trains the net of a case such as "digits_mlp_adam_float32" from the fixture's weights on its batches:
/// the loss before each step.
std::vector<double> train_curve(const FixtureFile& file, const std::string& case_name);

}  // namespace fg::test
