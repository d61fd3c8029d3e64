// Options of Linear, Bilinear, Flatten and Unflatten.
#pragma once

#include <string>
#include <vector>

#include "tensor/arg.h"
#include "tensor/array_ref.h"

namespace fg::nn {

struct LinearOptions {
  LinearOptions(int64_t in_features, int64_t out_features)
      : in_features_(in_features), out_features_(out_features) {}
  FUSEGRAD_ARG(int64_t, in_features);
  FUSEGRAD_ARG(int64_t, out_features);
  FUSEGRAD_ARG(bool, bias) = true;
};

struct BilinearOptions {
  BilinearOptions(int64_t in1_features, int64_t in2_features, int64_t out_features)
      : in1_features_(in1_features), in2_features_(in2_features), out_features_(out_features) {}
  FUSEGRAD_ARG(int64_t, in1_features);
  FUSEGRAD_ARG(int64_t, in2_features);
  FUSEGRAD_ARG(int64_t, out_features);
  FUSEGRAD_ARG(bool, bias) = true;
};

struct FlattenOptions {
  FUSEGRAD_ARG(int64_t, start_dim) = 1;
  FUSEGRAD_ARG(int64_t, end_dim) = -1;
};

/// The dim's name, and pairs of names and sizes, are libtorch's named form; here they are only printed
/// and checked, since tensors have no names.
struct UnflattenOptions {
  using namedshape_t = std::vector<std::pair<std::string, int64_t>>;
  UnflattenOptions(int64_t dim, std::vector<int64_t> sizes) : dim_(dim), sizes_(std::move(sizes)) {}
  UnflattenOptions(const char* dimname, namedshape_t namedshape)
      : dimname_(dimname), namedshape_(std::move(namedshape)) {}
  UnflattenOptions(std::string dimname, namedshape_t namedshape)
      : dimname_(std::move(dimname)), namedshape_(std::move(namedshape)) {}
  FUSEGRAD_ARG(int64_t, dim) = 0;
  FUSEGRAD_ARG(std::string, dimname);
  FUSEGRAD_ARG(std::vector<int64_t>, sizes);
  FUSEGRAD_ARG(namedshape_t, namedshape);
};

}  // namespace fg::nn
