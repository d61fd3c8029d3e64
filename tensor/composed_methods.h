// Methods that are composed of the ops that have kernels; the free functions of autograd/ops/*.h hold the
// documentation. A trailing underscore means in place.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include "fusegrad/version.h"
#include "tensor/generator.h"
#include "tensor/options.h"
#include "tensor/scalar.h"

namespace fg {

class ComposedMethods {
 public:
  // Elementwise.
  Tensor round(int64_t decimals) const;
  Tensor& round_(int64_t decimals) const;
  Tensor clamp(const Tensor& min) const;
  Tensor clamp(const Tensor& min, const Tensor& max) const;
  Tensor& clamp_(const Tensor& min) const;
  Tensor& clamp_(const Tensor& min, const Tensor& max) const;
  Tensor clamp_min(const Tensor& min) const;
  Tensor clamp_max(const Tensor& max) const;
  Tensor& clamp_min_(const Tensor& min) const;
  Tensor& clamp_max_(const Tensor& max) const;
  Tensor clip(const Tensor& min) const;
  Tensor clip(const Tensor& min, const Tensor& max) const;
  Tensor& clip_(const Tensor& min) const;
  Tensor& clip_(const Tensor& min, const Tensor& max) const;
  Tensor& lerp_(const Tensor& end, const Tensor& weight) const;
  Tensor ldexp(const Tensor& other) const;
  Tensor& ldexp_(const Tensor& other) const;
  Tensor heaviside(const Tensor& values) const;
  Tensor& heaviside_(const Tensor& values) const;
  Tensor gcd(const Tensor& other) const;
  Tensor& gcd_(const Tensor& other) const;
  Tensor lcm(const Tensor& other) const;
  Tensor& lcm_(const Tensor& other) const;
  Tensor logaddexp2(const Tensor& other) const;
  Tensor mvlgamma(int64_t p) const;
  Tensor& mvlgamma_(int64_t p) const;
  Tensor& polygamma_(int64_t order) const;
  Tensor& float_power_(const Tensor& exponent) const;
  Tensor& float_power_(const Scalar& exponent) const;
  Tensor& deg2rad_() const;
  Tensor& rad2deg_() const;
  Tensor& sinc_() const;
  bool allclose(const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
                bool equal_nan = false) const;
  Tensor isclose(const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
                 bool equal_nan = false) const;

  // Statistics and order.
  std::tuple<Tensor, Tensor> aminmax(optional<int64_t> dim = nullopt, bool keepdim = false) const;
  Tensor cov(int64_t correction = 1) const;
  Tensor cov(int64_t correction, const optional<Tensor>& fweights,
             const optional<Tensor>& aweights) const;
  Tensor corrcoef() const;
  Tensor var(OptionalIntArrayRef dim, optional<int64_t> correction, bool keepdim = false) const;
  Tensor std(OptionalIntArrayRef dim, optional<int64_t> correction, bool keepdim = false) const;
  Tensor norm(const optional<Scalar>& p, ScalarType dtype) const;
  Tensor norm(const optional<Scalar>& p, IntArrayRef dim, bool keepdim, ScalarType dtype) const;
  Tensor nanmedian() const;
  std::tuple<Tensor, Tensor> nanmedian(int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> mode(int64_t dim = -1, bool keepdim = false) const;
  Tensor quantile(const Tensor& q, optional<int64_t> dim = nullopt, bool keepdim = false,
                  std::string_view interpolation = "linear") const;
  Tensor quantile(double q, optional<int64_t> dim = nullopt, bool keepdim = false,
                  std::string_view interpolation = "linear") const;
  Tensor nanquantile(const Tensor& q, optional<int64_t> dim = nullopt, bool keepdim = false,
                     std::string_view interpolation = "linear") const;
  Tensor nanquantile(double q, optional<int64_t> dim = nullopt, bool keepdim = false,
                     std::string_view interpolation = "linear") const;
  std::tuple<Tensor, Tensor> histogram(int64_t bins = 100,
                                       optional<ArrayRef<double>> range = nullopt) const;
  std::tuple<Tensor, Tensor> histogram(int64_t bins, optional<ArrayRef<double>> range,
                                       const optional<Tensor>& weight, bool density = false) const;
  std::tuple<Tensor, Tensor> histogram(const Tensor& bins) const;
  std::tuple<Tensor, Tensor> histogram(const Tensor& bins, const optional<Tensor>& weight,
                                       bool density = false) const;
  std::tuple<Tensor, Tensor> sort(optional<bool> stable, int64_t dim = -1,
                                  bool descending = false) const;
  Tensor argsort(bool stable, int64_t dim = -1, bool descending = false) const;
  Tensor diff(int64_t n, int64_t dim, const optional<Tensor>& prepend) const;
  Tensor diff(int64_t n, int64_t dim, const optional<Tensor>& prepend,
              const optional<Tensor>& append) const;
  Tensor& renorm_(const Scalar& p, int64_t dim, const Scalar& maxnorm) const;

  // Shape.
  /// The same bytes read as another dtype; the last extent follows the element size.
  Tensor view(ScalarType dtype) const;
  Tensor& as_strided_(IntArrayRef size, IntArrayRef stride,
                      optional<int64_t> storage_offset = nullopt) const;
  Tensor numpy_T() const;
  Tensor mH() const;
  Tensor matrix_H() const;
  Tensor adjoint() const;
  Tensor narrow(int64_t dim, const Tensor& start, int64_t length) const;
  std::vector<Tensor> hsplit(int64_t sections) const;
  std::vector<Tensor> hsplit(IntArrayRef indices) const;
  std::vector<Tensor> vsplit(int64_t sections) const;
  std::vector<Tensor> vsplit(IntArrayRef indices) const;
  std::vector<Tensor> dsplit(int64_t sections) const;
  std::vector<Tensor> dsplit(IntArrayRef indices) const;
  Tensor repeat_interleave(const Tensor& repeats, optional<int64_t> dim = nullopt,
                           optional<int64_t> output_size = nullopt) const;
  Tensor repeat_interleave(int64_t repeats, optional<int64_t> dim,
                           optional<int64_t> output_size) const;
  Tensor select_scatter(const Tensor& source, int64_t dim, int64_t index) const;
  Tensor slice_scatter(const Tensor& source, int64_t dim = 0, optional<int64_t> start = nullopt,
                       optional<int64_t> end = nullopt, int64_t step = 1) const;
  Tensor diagonal_scatter(const Tensor& source, int64_t offset = 0, int64_t dim1 = 0,
                          int64_t dim2 = 1) const;
  Tensor as_strided_scatter(const Tensor& source, IntArrayRef size, IntArrayRef stride,
                            optional<int64_t> storage_offset = nullopt) const;
  /// Shares the other tensor's memory and shape from now on.
  Tensor& set_(const Tensor& source) const;
  /// Whether both have the same memory, offset, shape and strides.
  bool is_set_to(const Tensor& other) const;

  // Indexing.
  Tensor put(const Tensor& index, const Tensor& source, bool accumulate = false) const;
  Tensor& put_(const Tensor& index, const Tensor& source, bool accumulate = false) const;
  Tensor index_fill(int64_t dim, const Tensor& index, const Tensor& value) const;
  Tensor& index_fill_(int64_t dim, const Tensor& index, const Tensor& value) const;
  Tensor index_reduce(int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self = true) const;
  Tensor& index_reduce_(int64_t dim, const Tensor& index, const Tensor& source,
                        std::string_view reduce, bool include_self = true) const;
  Tensor scatter(int64_t dim, const Tensor& index, const Tensor& source,
                 std::string_view reduce) const;
  Tensor scatter(int64_t dim, const Tensor& index, const Scalar& value,
                 std::string_view reduce) const;
  Tensor& scatter_(int64_t dim, const Tensor& index, const Tensor& source,
                   std::string_view reduce) const;
  Tensor& scatter_(int64_t dim, const Tensor& index, const Scalar& value,
                   std::string_view reduce) const;
  Tensor& scatter_reduce_(int64_t dim, const Tensor& index, const Tensor& source,
                          std::string_view reduce, bool include_self = true) const;
  std::vector<Tensor> nonzero_numpy() const;
  Tensor argwhere() const;

  // Linear algebra.
  Tensor addr(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
              const Scalar& alpha = 1) const;
  Tensor& addr_(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                const Scalar& alpha = 1) const;
  Tensor addbmm(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                const Scalar& alpha = 1) const;
  Tensor& addbmm_(const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                  const Scalar& alpha = 1) const;

  // Random: ones with probability p, in this shape and dtype; fills.
  Tensor bernoulli(double p, optional<Generator> generator = nullopt) const;
  Tensor& cauchy_(double median = 0, double sigma = 1,
                  optional<Generator> generator = nullopt) const;
  Tensor& log_normal_(double mean = 1, double std = 2,
                      optional<Generator> generator = nullopt) const;
  Tensor& geometric_(double p, optional<Generator> generator = nullopt) const;

 private:
  const Tensor& self() const;
};

}  // namespace fg
