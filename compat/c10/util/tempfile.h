#pragma once

#include "../c10.h"
