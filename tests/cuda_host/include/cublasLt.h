// Makes NVIDIA's cublasLt.h, where it is installed, build upon the emulation's types.
#pragma once
#include_next <cublasLt.h>

#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "cuda_runtime_api.h"
