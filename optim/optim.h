// Everything of optim/.
#pragma once

#include "optim/adagrad.h"
#include "optim/adam.h"
#include "optim/clip_grad.h"
#include "optim/grad_scaler.h"
#include "optim/graphed_step.h"
#include "optim/lbfgs.h"
#include "optim/rmsprop.h"
#include "optim/schedulers/composite.h"
#include "optim/schedulers/cosine.h"
#include "optim/schedulers/cyclic.h"
#include "optim/schedulers/one_cycle.h"
#include "optim/schedulers/reduce_on_plateau.h"
#include "optim/schedulers/step_lr.h"
#include "optim/sgd.h"
