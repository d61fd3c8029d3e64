// Descriptors of cuDNN's graph API: owned, typed, and errors that name descriptor and attribute.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "cuda/cudnn/check.h"

namespace fg::cuda::cudnn {

namespace detail {
/// The attribute type that an element's C++ type stands for.
template <class T>
inline constexpr auto attribute_type = nullptr;
template <>
inline constexpr auto attribute_type<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto attribute_type<int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto attribute_type<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto attribute_type<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto attribute_type<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr auto attribute_type<double> = CUDNN_TYPE_DOUBLE;
template <>
inline constexpr auto attribute_type<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto attribute_type<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr auto attribute_type<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr auto attribute_type<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto attribute_type<cudnnReduceTensorOp_t> = CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
template <>
inline constexpr auto attribute_type<cudnnRngDistribution_t> = CUDNN_TYPE_RNG_DISTRIBUTION;
template <>
inline constexpr auto attribute_type<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;
}  // namespace detail

/// One descriptor: made, given its attributes, finalized, then only read. Throws fg::Error with the names of
/// the descriptor and the attribute, and cuDNN's reason.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept
      : type_(other.type_), native_(std::exchange(other.native_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(native_, other.native_);
    return *this;
  }

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    set_raw(name, detail::attribute_type<T>, int64_t(values.size()), values.data());
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set(name, std::span<const T>(&value, 1));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.native_);
  }
  void set(cudnnBackendAttributeName_t name, std::span<void* const> pointers) {
    set_raw(name, CUDNN_TYPE_VOID_PTR, int64_t(pointers.size()), pointers.data());
  }
  /// An attribute that is a list of descriptors.
  void set_list(cudnnBackendAttributeName_t name,
                std::span<const cudnnBackendDescriptor_t> values) {
    set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(values.size()), values.data());
  }

  void finalize();
  /// As finalize, but false where this machine's cuDNN does not support what is described.
  bool try_finalize();

  int64_t get_int64(cudnnBackendAttributeName_t name) const;
  /// At most `most` values of an attribute that is a list.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, int64_t most) const {
    std::vector<T> values(static_cast<size_t>(most));
    values.resize(size_t(get_raw(name, detail::attribute_type<T>, most, values.data())));
    return values;
  }
  /// An attribute that is a list of descriptors of `type`, all of them.
  std::vector<Descriptor> get_list(cudnnBackendAttributeName_t name,
                                   cudnnBackendDescriptorType_t type) const;

  cudnnBackendDescriptor_t native() const { return native_; }

 private:
  void reset() noexcept;
  void set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
               const void* values);
  int64_t get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most,
                  void* values) const;
  std::string text(const char* verb, cudnnBackendAttributeName_t name, int64_t count) const;

  cudnnBackendDescriptorType_t type_;
  cudnnBackendDescriptor_t native_ = nullptr;
};

}  // namespace fg::cuda::cudnn
