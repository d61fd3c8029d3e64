// Everything of serialize/.
#pragma once

#include "serialize/checkpoint.h"
#include "serialize/file.h"
#include "serialize/npy.h"
#include "serialize/safetensors.h"
