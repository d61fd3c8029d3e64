// Weights and biases of normalisations, their gradients, and which of them an element goes with.
#pragma once

#include "cuda/divider.h"
#include "cuda/kernels/word_packs.cuh"
#include "tensor/kernels/norm.h"

namespace fg::cuda {

/// W neighbouring elements as what they are computed in, in as many accesses as they need. `aligned`: `from` is on the
/// border of W elements, or of an access.
template <int W, class S, class C>
__device__ __forceinline__ void load_values(const S* from, bool aligned, C (&out)[W]) {
  constexpr int kPart = W < kFullPack<S> ? W : kFullPack<S>;
#pragma unroll
  for (int j = 0; j < W; j += kPart) {
    C part[kPart];
    unpack<S>(load_words<kPart>(from + j, aligned), part);
#pragma unroll
    for (int i = 0; i < kPart; ++i) out[j + i] = part[i];
  }
}
/// Its counterpart; S is what they are rounded to.
template <int W, class S, class C>
__device__ __forceinline__ void store_values(S* to, bool aligned, const C (&values)[W]) {
  constexpr int kPart = W < kFullPack<S> ? W : kFullPack<S>;
#pragma unroll
  for (int j = 0; j < W; j += kPart) {
    C part[kPart];
#pragma unroll
    for (int i = 0; i < kPart; ++i) part[i] = values[j + i];
    store_words<kPart>(to + j, packed<S>(part), aligned);
  }
}

/// A per-channel weight or bias, of T or of what T computes in; a constant where there is none.
template <class T>
struct NormParameter {
  using C = Compute<T>;
  const void* data = nullptr;
  C fallback{};
  bool wide = false, aligned = false;

  NormParameter() = default;
  NormParameter(const Tensor& tensor, C constant) : fallback(constant) {
    if (!tensor.defined()) return;
    data = tensor.data_ptr();
    wide = tensor.dtype() != scalar_type_of<T>;
    aligned = is_aligned(data);
  }
  __device__ C operator[](int64_t c) const {
    if (!data) return fallback;
    return wide ? static_cast<const C*>(data)[c] : C(static_cast<const T*>(data)[c]);
  }
  /// Of the W channels from `first` on, a multiple of W. The parameter has to be on_border().
  template <int W>
  __device__ void load_whole(int64_t first, C (&out)[W]) const {
    if (!data) {
#pragma unroll
      for (C& value : out) value = fallback;
    } else if (wide) {
      load_values(static_cast<const C*>(data) + first, true, out);
    } else {
      load_values(static_cast<const T*>(data) + first, true, out);
    }
  }
  /// Of W neighbouring channels (step 1) or of one for all (step 0).
  template <int W>
  __device__ void load(int64_t first, int step, C (&out)[W]) const {
    if (step == 0 || !data) {
      const C value = (*this)[first];
#pragma unroll
      for (int j = 0; j < W; ++j) out[j] = value;
    } else if (wide) {
      load_values(static_cast<const C*>(data) + first, aligned && first % W == 0, out);
    } else {
      load_values(static_cast<const T*>(data) + first, aligned && first % W == 0, out);
    }
  }
};

/// A parameter that starts on a pack's border: itself or a copy.
inline Tensor on_border(const Tensor& parameter) {
  if (!parameter.defined() || is_aligned(parameter.data_ptr())) return parameter;
  return parameter.detach().clone();
}

/// Where the gradient of a parameter goes, of T or of what T computes in; or nowhere.
template <class T>
struct ParameterGradient {
  void* data = nullptr;
  bool wide = false;

  ParameterGradient() = default;
  explicit ParameterGradient(const Tensor& tensor) {
    if (!tensor.defined()) return;
    data = tensor.data_ptr();
    wide = tensor.dtype() != scalar_type_of<T>;
  }
  __device__ void store(int64_t c, Compute<T> value) const {
    if (!data) return;
    if (wide)
      static_cast<Compute<T>*>(data)[c] = value;
    else
      static_cast<T*>(data)[c] = T(value);
  }
};

/// One value for all of a pack's elements.
template <class C>
struct Same {
  C value;
  __device__ C operator[](int) const { return value; }
};

/// Which channels the elements of a row go with, for rows of less than 2^31 elements and parameters on_border().
class RowChannels {
 public:
  explicit RowChannels(const NormShape& shape)
      : inner_(shape.row_size() < kLimit && shape.inner > 0 ? uint32_t(shape.inner) : 1),
        groups_(shape.groups, shape.rows()),
        channels_(shape.channels) {}

  /// Whether W neighbours from a multiple of W on have all their own channels or at most two.
  template <int W>
  static bool is_for_packs(const NormShape& shape) {
    return shape.inner == 1 || shape.inner >= W;
  }
  /// Elements of a row that share a channel.
  __device__ int64_t inner() const { return inner_.divisor(); }
  __device__ int64_t channels() const { return channels_; }
  /// The first channel of a row.
  __device__ int64_t first(int64_t row) const {
    if (groups_.divisor() == 1) return 0;
    return (row - groups_.quotient(row) * groups_.divisor()) * channels_;
  }
  /// Where the W elements from `column` on stand of a row that begins with channel `first`: `left` of them in the first
  /// channel, or each in one of its own.
  struct Place {
    int64_t channel;
    int left;
  };
  template <int W>
  __device__ Place place(int64_t first, int64_t column) const {
    if (inner_.divisor() == 1) return {first + column, W == 1 ? 1 : 0};
    const uint32_t channel = inner_.quotient(uint32_t(column));
    return {first + channel, int((channel + 1) * inner_.divisor() - uint32_t(column))};
  }
  /// A parameter's values for them.
  template <int W, class T>
  __device__ void load(const NormParameter<T>& parameter, const Place& at,
                       Compute<T> (&out)[W]) const {
    if (inner_.divisor() == 1) return parameter.load_whole(at.channel, out);
    const Compute<T> value = parameter[at.channel], next = parameter[at.channel + 1];
#pragma unroll
    for (int j = 0; j < W; ++j) out[j] = j < at.left ? value : next;
  }

 private:
  static constexpr int64_t kLimit = int64_t(1) << 31;
  Divider inner_;
  IndexDivider groups_;
  int64_t channels_;
};

}  // namespace fg::cuda
