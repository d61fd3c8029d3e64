// The numbers that kernels which multiply on tensor cores compute a pointwise chain in.
#pragma once

#include "tensor/half.h"
#include "tensor/kernels/short_float.h"

namespace fg::cuda {

/// In what the chain C is computed between T in memory and products in T's precision, or with kSplit in float32's: no
/// more exactly than what goes into it and what is made of it.
template <class T, bool kSplit, class C>
using ChainValue = std::conditional_t<
    !functors::has_short_form<C> || std::is_same_v<T, Half> || kSplit, float,
    std::conditional_t<std::is_same_v<T, BFloat16>, functors::ShortFloat, functors::ProductFloat>>;

}  // namespace fg::cuda
