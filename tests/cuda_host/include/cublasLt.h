// Makes NVIDIA's cublasLt.h, where it is installed, build upon the emulation's types, which have to come first.
#pragma once
#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "cuda_runtime_api.h"

// clang-format off
#include_next <cublasLt.h>
