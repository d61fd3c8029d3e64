// Shared by the ops on spatial dims (convolutions, pools, patches, pads): arguments given per dim or
// once for all, and the lift of one or two spatial dims to three.
#pragma once

#include "tensor/kernels/spatial.h"
#include "tensor/tensor.h"

namespace fg::detail {

/// `values`, which must have `rank` entries or one that counts for every dim, as the last `rank`
/// extents; the leading ones become `lead`. Each entry must be at least `min`.
Extents spatial_argument(IntArrayRef values, int64_t rank, int64_t lead, int64_t min,
                         const char* name, const char* op);
/// The last `rank` entries of `sizes` behind leading ones.
Extents spatial_extents(IntArrayRef sizes, int64_t rank);
/// leading..., then the last `rank` extents: the inverse of the lift.
DimVector spatial_sizes(std::initializer_list<int64_t> leading, const Extents& extents,
                        int64_t rank);
/// As spatial_sizes, with all but the last `rank` dims of `like` in front.
DimVector spatial_sizes_like(const Tensor& like, const Extents& extents, int64_t rank);
/// The last `rank` extents, for messages.
DimVector spatial_part(const Extents& extents, int64_t rank);

/// Requires [channels, spatial...] or [batch, channels, spatial...] with only the batch empty.
void check_spatial_input(const Tensor& input, int64_t rank, const char* op);
void check_floating(const Tensor& input, const char* op);

/// `t` as a contiguous tensor without history: what kernels read. Some read channels last as well.
Tensor dense(const Tensor& t, MemoryFormat format = MemoryFormat::Contiguous);

}  // namespace fg::detail
