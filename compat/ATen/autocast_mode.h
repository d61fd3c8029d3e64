#pragma once

#include "ATen.h"

namespace at {
using fg::autocast;
}
