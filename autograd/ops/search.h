// Searching sorted sequences, and histograms. None is differentiable.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// For each of `values` [..., m], where it would be inserted into the ascending `sorted_sequence`
/// [..., n] to keep it sorted: before equal elements, or after them with `right`. Leading extents must
/// agree, unless the sequence is 1-d. Long, or Int with `out_int32`, shaped as values. NaN counts as
/// greater than every number.
Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool out_int32 = false,
                    bool right = false);
Tensor searchsorted(const Tensor& sorted_sequence, const Scalar& value, bool out_int32 = false,
                    bool right = false);
/// PyTorch's other spelling: `side` "left" or "right"; `sorter` holds the positions of a sequence that is not
/// sorted in ascending order (argsort).
Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool out_int32, bool right,
                    optional<std::string_view> side, const Tensor& sorter = {});
/// searchsorted(boundaries, x) with 1-d boundaries.
Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool out_int32 = false,
                 bool right = false);
Tensor bucketize(const Scalar& value, const Tensor& boundaries, bool out_int32 = false,
                 bool right = false);

/// Whether each element is one of `test_elements` (Bool; not, with `invert`). NaN never is.
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique = false,
            bool invert = false);
Tensor isin(const Tensor& elements, const Scalar& test_element, bool assume_unique = false,
            bool invert = false);
Tensor isin(const Scalar& element, const Tensor& test_elements, bool assume_unique = false,
            bool invert = false);

/// How many elements of x lie in each of `bins` equal parts of [min, max], in x's dtype; those outside
/// are not counted. Where min equals max, the range of x.
Tensor histc(const Tensor& x, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0);
/// The same as (histogram, the edges of its bins), with `weight` (of x's shape) for the counts and, with
/// `density`, scaled such that it integrates to 1. `range` holds the ends, otherwise x's; or `bins` the edges,
/// ascending.
std::tuple<Tensor, Tensor> histogram(const Tensor& x, int64_t bins = 100,
                                     optional<ArrayRef<double>> range = nullopt,
                                     const Tensor& weight = {}, bool density = false);
std::tuple<Tensor, Tensor> histogram(const Tensor& x, const Tensor& bins, const Tensor& weight = {},
                                     bool density = false);

}  // namespace fg
