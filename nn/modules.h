// All modules and containers.
#pragma once

#include "nn/modules/activation.h"
#include "nn/modules/any.h"
#include "nn/modules/batchnorm.h"
#include "nn/modules/container.h"
#include "nn/modules/conv.h"
#include "nn/modules/distance.h"
#include "nn/modules/dropout.h"
#include "nn/modules/embedding.h"
#include "nn/modules/fold.h"
#include "nn/modules/linear.h"
#include "nn/modules/loss.h"
#include "nn/modules/normalization.h"
#include "nn/modules/padding.h"
#include "nn/modules/pooling.h"
#include "nn/modules/sequential.h"
