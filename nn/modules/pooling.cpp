#include "nn/modules/pooling.h"

namespace fg::nn {

template <size_t D, class Derived>
void MaxUnpoolImpl<D, Derived>::pretty_print(std::ostream& out) const {
  out << detail::printed_name<Derived>() << "(kernel_size=" << options.kernel_size()
      << ", stride=" << options.stride() << ", padding=" << options.padding() << ')';
}

template <size_t D, class Derived>
Tensor MaxUnpoolImpl<D, Derived>::forward(const Tensor& input, const Tensor& indices,
                                          const optional<std::vector<int64_t>>& output_size) {
  auto function = functional::MaxUnpoolFuncOptions<D>(options.kernel_size())
                      .stride(options.stride())
                      .padding(options.padding())
                      .output_size(output_size);
  if constexpr (D == 1)
    return functional::max_unpool1d(input, indices, function);
  else if constexpr (D == 2)
    return functional::max_unpool2d(input, indices, function);
  else
    return functional::max_unpool3d(input, indices, function);
}

template class MaxUnpoolImpl<1, MaxUnpool1dImpl>;
template class MaxUnpoolImpl<2, MaxUnpool2dImpl>;
template class MaxUnpoolImpl<3, MaxUnpool3dImpl>;

}  // namespace fg::nn
