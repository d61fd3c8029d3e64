// The version of fusegrad, by https://semver.org; CMake takes it from here. Until 1.0 minor versions break each other.
#pragma once

#define FUSEGRAD_VERSION_MAJOR 0
#define FUSEGRAD_VERSION_MINOR 1
#define FUSEGRAD_VERSION_PATCH 0

namespace fg {
/// Tensor alone lives in it, without which no program does: that makes the version a part of the linker's name of nearly
/// every function, so that objects compiled with one version's headers do not link with another version's library.
/// Nobody else writes the namespace.
inline namespace v0_1 {
class Tensor;
}
}  // namespace fg
