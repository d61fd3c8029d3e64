// The lists that elementwise ops are made from. One row gives an op its CPU loop, its CUDA kernel,
// its tape node, its method, its in-place form and its row in the tests. The functor named second
// lives in one of the *_ops.h files beside this one.
#pragma once

/// Unary math without parameters: X(op, Functor). Methods `x.op()` and `x.op_()`.
#define FOR_EACH_UNARY(X)   \
  X(abs, Abs)               \
  X(neg, Neg)               \
  X(sign, Sign)             \
  X(square, Square)         \
  X(reciprocal, Reciprocal) \
  X(sqrt, Sqrt)             \
  X(rsqrt, Rsqrt)           \
  X(exp, Exp)               \
  X(exp2, Exp2)             \
  X(expm1, Expm1)           \
  X(log, Log)               \
  X(log2, Log2)             \
  X(log10, Log10)           \
  X(log1p, Log1p)           \
  X(sin, Sin)               \
  X(cos, Cos)               \
  X(tan, Tan)               \
  X(asin, Asin)             \
  X(acos, Acos)             \
  X(atan, Atan)             \
  X(sinh, Sinh)             \
  X(cosh, Cosh)             \
  X(tanh, Tanh)             \
  X(asinh, Asinh)           \
  X(acosh, Acosh)           \
  X(atanh, Atanh)           \
  X(erf, Erf)               \
  X(erfc, Erfc)             \
  X(erfinv, Erfinv)         \
  X(lgamma, Lgamma)         \
  X(digamma, Digamma)       \
  X(sigmoid, Sigmoid)       \
  X(relu, Relu)             \
  X(floor, Floor)           \
  X(ceil, Ceil)             \
  X(round, Round)           \
  X(trunc, Trunc)           \
  X(frac, Frac)

/// Activations without parameters: X(op, Functor). Free functions; in-place forms `op_(x)`.
#define FOR_EACH_ACTIVATION(X) \
  X(silu, Silu)                \
  X(mish, Mish)                \
  X(selu, Selu)                \
  X(relu6, Relu6)              \
  X(softsign, Softsign)        \
  X(log_sigmoid, LogSigmoid)   \
  X(hardswish, Hardswish)      \
  X(hardsigmoid, Hardsigmoid)  \
  X(tanhshrink, Tanhshrink)

/// Unary functors with parameters, whose public op is written out in autograd/ops/activation.cpp:
/// X(Functor).
#define FOR_EACH_PARAMETRIC_UNARY(X) \
  X(Gelu)                            \
  X(GeluTanh)                        \
  X(LeakyRelu)                       \
  X(Elu)                             \
  X(Hardtanh)                        \
  X(Softplus)                        \
  X(Hardshrink)                      \
  X(Softshrink)                      \
  X(Threshold)                       \
  X(Clamp)                           \
  X(PowScalar)                       \
  X(NanToNum)                        \
  X(Polygamma)                       \
  X(Logit)

/// Differentiable binary ops: X(op, Functor). Both operands broadcast and promote.
#define FOR_EACH_BINARY(X)     \
  X(mul, Mul)                  \
  X(div, Div)                  \
  X(pow, Pow)                  \
  X(atan2, Atan2)              \
  X(maximum, Maximum)          \
  X(minimum, Minimum)          \
  X(fmax, Fmax)                \
  X(fmin, Fmin)                \
  X(hypot, Hypot)              \
  X(fmod, Fmod)                \
  X(remainder, Remainder)      \
  X(floor_divide, FloorDivide) \
  X(copysign, Copysign)        \
  X(logaddexp, Logaddexp)      \
  X(xlogy, Xlogy)

/// Comparisons and logic: X(op, Functor). The result is Bool.
#define FOR_EACH_COMPARISON(X) \
  X(eq, Equal)                 \
  X(ne, NotEqual)              \
  X(lt, Less)                  \
  X(le, LessEqual)             \
  X(gt, Greater)               \
  X(ge, GreaterEqual)          \
  X(logical_and, LogicalAnd)   \
  X(logical_or, LogicalOr)     \
  X(logical_xor, LogicalXor)

/// Bit operations on integers and bool: X(op, Functor).
#define FOR_EACH_BITWISE(X)               \
  X(bitwise_and, BitwiseAnd)              \
  X(bitwise_or, BitwiseOr)                \
  X(bitwise_xor, BitwiseXor)              \
  X(bitwise_left_shift, BitwiseLeftShift) \
  X(bitwise_right_shift, BitwiseRightShift)

/// Tests of one value: X(op, Functor). The result is Bool.
#define FOR_EACH_PREDICATE(X) \
  X(isnan, Isnan)             \
  X(isinf, Isinf)             \
  X(isfinite, Isfinite)       \
  X(signbit, Signbit)         \
  X(logical_not, LogicalNot)
