// Everything of data/.
#pragma once

#include "data/chunk.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/digits.h"
#include "data/gzip.h"
#include "data/idx.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "data/sampler.h"
#include "data/text.h"
#include "data/transforms.h"
