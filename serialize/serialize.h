// Everything of serialize/.
#pragma once

#include "serialize/archive.h"
#include "serialize/checkpoint.h"
#include "serialize/dlpack.h"
#include "serialize/file.h"
#include "serialize/npy.h"
#include "serialize/profiler.h"
#include "serialize/safetensors.h"
#include "serialize/temporary_file.h"
