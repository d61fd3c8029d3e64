// Names of nodes.
#pragma once

#include <string>

namespace fg {

/// "BiasGelu" of "bias_gelu": the nodes of fused ops are named after the ops.
std::string camel_case(const std::string& snake);

}  // namespace fg
