// Everything of nn/: modules, containers, their functional forms and options, initialisation, utilities.
#pragma once

#include "nn/functional.h"
#include "nn/init.h"
#include "nn/modules.h"
#include "nn/utils.h"
