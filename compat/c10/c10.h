// The names of libtorch's namespace c10: scalars, devices, dtypes, options, errors and small utilities.
//
// compat/ is the libtorch spelling of the public API: with this folder on the include path, a program
// written for libtorch's C++ frontend compiles against fusegrad. It holds names and macros, no logic.
// Its namespaces are real ones, which programs may reopen, and they list their names one by one, so that
// `using namespace torch` brings in what libtorch has and nothing else; where libtorch has a namespace
// inside them (torch::nn::functional), that is an alias of ours.
#pragma once

// The parts of the standard library that libtorch's torch.h brings along, on which programs rely.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "data/data.h"
#include "fusegrad.h"

/// Tells these headers from libtorch's own.
#define FUSEGRAD_COMPAT 1

namespace c10 {

using fg::get_if;
using fg::nullopt, fg::optional, std::make_optional, std::in_place;
using std::get, std::get_if, std::holds_alternative, std::variant, std::visit;
using std::string_view;

using fg::ArrayRef, fg::IntArrayRef, fg::OptionalIntArrayRef, fg::SmallVector, fg::DimVector;
using fg::irange, fg::str;
template <class Range>
std::string Join(const std::string& delimiter, const Range& range) {
  return fg::join(delimiter, range);
}
using fg::intrusive_ptr, fg::make_intrusive;
using fg::make_tempdir, fg::make_tempfile, fg::TempDir, fg::TempFile, fg::try_make_tempdir,
    fg::try_make_tempfile;

using fg::Error, fg::IndexError, fg::LinAlgError, fg::NotImplementedError, fg::OutOfMemoryError,
    fg::SourceLocation, fg::TypeError, fg::ValueError, fg::WarningHandler;
namespace Warning = ::fg::Warning;

using fg::BFloat16, fg::Half, fg::Scalar, fg::ScalarType;
using TypeMeta = ScalarType;
using fg::get_default_dtype, fg::set_default_dtype;
using fg::kBFloat16, fg::kBool, fg::kByte, fg::kChar, fg::kDouble, fg::kFloat, fg::kHalf, fg::kInt,
    fg::kLong, fg::kShort;
inline ScalarType get_default_dtype_as_scalartype() { return get_default_dtype(); }
template <class T>
using CppTypeToScalarType = fg::detail::ScalarTypeOf<T>;
inline ScalarType typeMetaToScalarType(TypeMeta type) { return type; }
inline TypeMeta scalarTypeToTypeMeta(ScalarType type) { return type; }
inline bool canCast(ScalarType from, ScalarType to) { return fg::can_cast(from, to); }
inline size_t elementSize(ScalarType type) { return size_t(fg::element_size(type)); }
inline bool isFloatingType(ScalarType type) { return fg::is_floating(type); }
inline bool isIntegralType(ScalarType type, bool include_bool) {
  return fg::is_integral(type, include_bool);
}
inline ScalarType promoteTypes(ScalarType a, ScalarType b) { return fg::promote_types(a, b); }
inline const char* toString(ScalarType type) { return fg::to_string(type); }

using fg::Device, fg::DeviceIndex, fg::DeviceType, fg::kCPU, fg::kCUDA;
using fg::device, fg::device_index, fg::dtype, fg::layout, fg::memory_format, fg::pinned_memory,
    fg::requires_grad;
using fg::kStrided, fg::Layout, fg::MemoryFormat, fg::Storage, fg::TensorImpl, fg::TensorOptions;

using fg::AutoGradMode, fg::GradMode, fg::InferenceMode, fg::NoGradGuard;
using fg::IValue;

namespace guts {
using std::make_unique;
template <class T>
std::string to_string(const T& value) {
  return fg::str(value);
}
}  // namespace guts

}  // namespace c10

namespace caffe2 {
using TypeMeta = ::c10::TypeMeta;
}

#include "util/Exception.h"
