// The version of fusegrad, by https://semver.org; CMake takes it from here. Until 1.0 minor versions break each other.
#pragma once

#define FUSEGRAD_VERSION_MAJOR 0
#define FUSEGRAD_VERSION_MINOR 1
#define FUSEGRAD_VERSION_PATCH 0
