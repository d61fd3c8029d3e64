#include "cuda/cudnn/descriptor.h"

#include "tensor/error.h"

namespace fg::cuda::cudnn {
namespace {

#define FOR_EACH_DESCRIPTOR(X)             \
  X(POINTWISE)                             \
  X(CONVOLUTION)                           \
  X(MATMUL)                                \
  X(REDUCTION)                             \
  X(RNG)                                   \
  X(ENGINE)                                \
  X(ENGINECFG)                             \
  X(ENGINEHEUR)                            \
  X(EXECUTION_PLAN)                        \
  X(OPERATION_CONVOLUTION_FORWARD)         \
  X(OPERATION_CONVOLUTION_BACKWARD_FILTER) \
  X(OPERATION_CONVOLUTION_BACKWARD_DATA)   \
  X(OPERATION_POINTWISE)                   \
  X(OPERATION_MATMUL)                      \
  X(OPERATION_REDUCTION)                   \
  X(OPERATION_RESHAPE)                     \
  X(OPERATION_RNG)                         \
  X(OPERATIONGRAPH)                        \
  X(VARIANT_PACK)                          \
  X(TENSOR)                                \
  X(DEVICEPROP)

#define FOR_EACH_ATTRIBUTE(X)                   \
  X(POINTWISE_MODE)                             \
  X(POINTWISE_MATH_PREC)                        \
  X(POINTWISE_AXIS)                             \
  X(MATMUL_COMP_TYPE)                           \
  X(REDUCTION_OPERATOR)                         \
  X(REDUCTION_COMP_TYPE)                        \
  X(RNG_DISTRIBUTION)                           \
  X(RNG_BERNOULLI_DIST_PROBABILITY)             \
  X(CONVOLUTION_COMP_TYPE)                      \
  X(CONVOLUTION_CONV_MODE)                      \
  X(CONVOLUTION_DILATIONS)                      \
  X(CONVOLUTION_FILTER_STRIDES)                 \
  X(CONVOLUTION_POST_PADDINGS)                  \
  X(CONVOLUTION_PRE_PADDINGS)                   \
  X(CONVOLUTION_SPATIAL_DIMS)                   \
  X(ENGINEHEUR_MODE)                            \
  X(ENGINEHEUR_OPERATION_GRAPH)                 \
  X(ENGINEHEUR_RESULTS)                         \
  X(ENGINEHEUR_DEVICEPROP)                      \
  X(ENGINECFG_ENGINE)                           \
  X(EXECUTION_PLAN_HANDLE)                      \
  X(EXECUTION_PLAN_ENGINE_CONFIG)               \
  X(EXECUTION_PLAN_WORKSPACE_SIZE)              \
  X(EXECUTION_PLAN_DEVICEPROP)                  \
  X(OPERATION_CONVOLUTION_FORWARD_ALPHA)        \
  X(OPERATION_CONVOLUTION_FORWARD_BETA)         \
  X(OPERATION_CONVOLUTION_FORWARD_CONV_DESC)    \
  X(OPERATION_CONVOLUTION_FORWARD_W)            \
  X(OPERATION_CONVOLUTION_FORWARD_X)            \
  X(OPERATION_CONVOLUTION_FORWARD_Y)            \
  X(OPERATION_CONVOLUTION_BWD_DATA_ALPHA)       \
  X(OPERATION_CONVOLUTION_BWD_DATA_BETA)        \
  X(OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC)   \
  X(OPERATION_CONVOLUTION_BWD_DATA_W)           \
  X(OPERATION_CONVOLUTION_BWD_DATA_DX)          \
  X(OPERATION_CONVOLUTION_BWD_DATA_DY)          \
  X(OPERATION_CONVOLUTION_BWD_FILTER_ALPHA)     \
  X(OPERATION_CONVOLUTION_BWD_FILTER_BETA)      \
  X(OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC) \
  X(OPERATION_CONVOLUTION_BWD_FILTER_DW)        \
  X(OPERATION_CONVOLUTION_BWD_FILTER_X)         \
  X(OPERATION_CONVOLUTION_BWD_FILTER_DY)        \
  X(OPERATION_POINTWISE_PW_DESCRIPTOR)          \
  X(OPERATION_POINTWISE_XDESC)                  \
  X(OPERATION_POINTWISE_BDESC)                  \
  X(OPERATION_POINTWISE_TDESC)                  \
  X(OPERATION_POINTWISE_YDESC)                  \
  X(OPERATION_MATMUL_ADESC)                     \
  X(OPERATION_MATMUL_BDESC)                     \
  X(OPERATION_MATMUL_CDESC)                     \
  X(OPERATION_MATMUL_DESC)                      \
  X(OPERATION_REDUCTION_XDESC)                  \
  X(OPERATION_REDUCTION_YDESC)                  \
  X(OPERATION_REDUCTION_DESC)                   \
  X(OPERATION_RESHAPE_XDESC)                    \
  X(OPERATION_RESHAPE_YDESC)                    \
  X(OPERATION_RNG_YDESC)                        \
  X(OPERATION_RNG_SEED)                         \
  X(OPERATION_RNG_OFFSET_DESC)                  \
  X(OPERATION_RNG_DESC)                         \
  X(OPERATIONGRAPH_HANDLE)                      \
  X(OPERATIONGRAPH_OPS)                         \
  X(TENSOR_BYTE_ALIGNMENT)                      \
  X(TENSOR_DATA_TYPE)                           \
  X(TENSOR_DIMENSIONS)                          \
  X(TENSOR_STRIDES)                             \
  X(TENSOR_UNIQUE_ID)                           \
  X(TENSOR_IS_VIRTUAL)                          \
  X(TENSOR_IS_BY_VALUE)                         \
  X(VARIANT_PACK_UNIQUE_IDS)                    \
  X(VARIANT_PACK_DATA_POINTERS)                 \
  X(VARIANT_PACK_WORKSPACE)                     \
  X(ENGINE_NUMERICAL_NOTE)                      \
                                                \
  X(DEVICEPROP_JSON_REPRESENTATION)

// cuDNN has no function for these names, and a number in an error text helps nobody.
std::string name_of(cudnnBackendDescriptorType_t type) {
  switch (type) {
#define X(Name)                           \
  case CUDNN_BACKEND_##Name##_DESCRIPTOR: \
    return "CUDNN_BACKEND_" #Name "_DESCRIPTOR";
    FOR_EACH_DESCRIPTOR(X)
#undef X
    default:
      return str("cuDNN descriptor ", int(type));
  }
}
std::string name_of(cudnnBackendAttributeName_t name) {
  switch (name) {
#define X(Name)           \
  case CUDNN_ATTR_##Name: \
    return "CUDNN_ATTR_" #Name;
    FOR_EACH_ATTRIBUTE(X)
#undef X
    default:
      return str("attribute ", int(name));
  }
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) : type_(type) {
  check(cudnnBackendCreateDescriptor(type, &native_),
        [&] { return str("creating ", name_of(type)); });
}

void Descriptor::reset() noexcept {
  if (native_) cudnnBackendDestroyDescriptor(native_);
  native_ = nullptr;
}

std::string Descriptor::text(const char* verb, cudnnBackendAttributeName_t name,
                             int64_t count) const {
  return str(verb, ' ', name_of(name), " (", count, count == 1 ? " element" : " elements", ") of ",
             name_of(type_));
}

void Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                         int64_t count, const void* values) {
  check(cudnnBackendSetAttribute(native_, name, type, count, values),
        [&] { return text("setting", name, count); });
}

void Descriptor::finalize() {
  check(cudnnBackendFinalize(native_), [&] { return str("finalizing ", name_of(type_)); });
}

bool Descriptor::try_finalize() { return cudnnBackendFinalize(native_) == CUDNN_STATUS_SUCCESS; }

int64_t Descriptor::get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                            int64_t most, void* values) const {
  int64_t count = 0;
  check(cudnnBackendGetAttribute(native_, name, type, most, &count, values),
        [&] { return text("reading", name, most); });
  return most == 0 ? count : std::min(count, most);
}

int64_t Descriptor::get_int64(cudnnBackendAttributeName_t name) const {
  int64_t value = 0;
  get_raw(name, CUDNN_TYPE_INT64, 1, &value);
  return value;
}

std::vector<Descriptor> Descriptor::get_list(cudnnBackendAttributeName_t name,
                                             cudnnBackendDescriptorType_t type) const {
  // Asked for none, cuDNN says how many there are; then it fills descriptors that the caller made.
  const int64_t count = get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<Descriptor> values;
  std::vector<cudnnBackendDescriptor_t> natives;
  for (int64_t i = 0; i < count; ++i) natives.push_back(values.emplace_back(type).native_);
  if (count == 0) return values;
  const int64_t filled = get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, natives.data());
  while (int64_t(values.size()) > filled) values.pop_back();
  return values;
}

}  // namespace fg::cuda::cudnn
