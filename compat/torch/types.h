// The names of libtorch's namespace torch.
#pragma once

#include "../ATen/ATen.h"

namespace torch {

using namespace at;

using fg::Dtype;
using fg::kFloat16, fg::kFloat32, fg::kFloat64, fg::kInt16, fg::kInt32, fg::kInt64, fg::kInt8,
    fg::kUInt8;
inline constexpr auto kU8 = kUInt8, kI8 = kInt8, kI16 = kInt16, kI32 = kInt32, kI64 = kInt64,
                      kF16 = kFloat16, kF32 = kFloat32, kF64 = kFloat64;

inline bool equal_if_defined(const Tensor& a, const Tensor& b) {
  return a.defined() && b.defined() ? equal(a, b) : !a.defined() && !b.defined();
}
using fg::ExpandingArray, fg::ExpandingArrayWithOptionalElem, fg::OrderedDict;

namespace enumtype = ::fg::enumtype;
#define X(Name) using fg::k##Name;
FOR_EACH_CHOICE(X)
#undef X

namespace detail {
using fg::detail::TensorDataContainer;
}
namespace indexing = ::fg::indexing;
namespace serialize = ::fg::serialize;
using fg::load, fg::save;

namespace autograd {
using namespace fg::autograd;
using fg::AnomalyMode, fg::AutoGradMode, fg::DetectAnomalyGuard, fg::Edge, fg::Engine, fg::GradMode,
    fg::Node;
using fg::CreationMeta;
using DifferentiableViewMeta = ::fg::TensorImpl;
using edge_list = std::vector<Edge>;
using tensor_list = std::vector<Tensor>;
}  // namespace autograd
using fg::AnomalyMode, fg::DetectAnomalyGuard;

namespace nn {
using namespace fg::nn;
namespace functional = ::fg::nn::functional;
namespace init = ::fg::nn::init;
namespace utils = ::fg::nn::utils;
}  // namespace nn

namespace optim {
using namespace fg::optim;
}

namespace data {
using namespace fg::data;
namespace datasets = ::fg::data::datasets;
namespace samplers = ::fg::data::samplers;
namespace transforms = ::fg::data::transforms;
}  // namespace data

namespace cuda {
using namespace fg::cuda;
inline bool cudnn_is_available() { return is_available(); }
inline void manual_seed(uint64_t seed) {
  if (is_available()) fg::default_generator(kCUDA).manual_seed(seed);
}
inline void manual_seed_all(uint64_t seed) { manual_seed(seed); }
}  // namespace cuda

}  // namespace torch

#define TORCH_VERSION_MAJOR 1
#define TORCH_VERSION_MINOR 13
#define TORCH_VERSION_PATCH 1
#define TORCH_VERSION "1.13.1"

#define TORCH_ARG(T, name) FUSEGRAD_ARG(T, name)

#define TORCH_MODULE_IMPL(Name, ImplType)                 \
  class Name : public ::fg::nn::ModuleHolder<ImplType> {  \
   public:                                                \
    using ::fg::nn::ModuleHolder<ImplType>::ModuleHolder; \
    using Impl [[maybe_unused]] = ImplType;               \
  }
#define TORCH_MODULE(Name) TORCH_MODULE_IMPL(Name, Name##Impl)

/// Pairs of an argument's position and its AnyValue, as Module::forward_defaults wants them.
#define FORWARD_HAS_DEFAULT_ARGS(...)                                                      \
  std::vector<std::pair<unsigned, ::fg::nn::AnyValue>> forward_defaults() const override { \
    return {__VA_ARGS__};                                                                  \
  }
