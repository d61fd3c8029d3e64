// Host emulation of CUDA: the device-wide algorithms of CUB that this project uses.
#pragma once

#include "device/device_radix_sort.cuh"
#include "device/device_reduce.cuh"
#include "device/device_scan.cuh"
#include "device/device_select.cuh"
