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

template <size_t D, class Derived>
void FractionalMaxPoolImpl<D, Derived>::reset() {
  _random_samples = this->register_buffer("_random_samples", options._random_samples());
  const auto& ratio = options.output_ratio();
  ENSURE(options.output_size() || ratio, "FractionalMaxPool", D,
         "d requires specifying either an output size, or a pooling ratio");
  ENSURE(!options.output_size() || !ratio,
         "only one of output_size and output_ratio may be specified");
  if (!ratio) return;
  for (const double part : **ratio)
    ENSURE(part > 0 && part < 1, "output_ratio must be between 0 and 1 (got ", *ratio, ")");
}

template <size_t D, class Derived>
void FractionalMaxPoolImpl<D, Derived>::pretty_print(std::ostream& out) const {
  out << detail::printed_name<Derived>() << "()";
}

template <size_t D, class Derived>
std::tuple<Tensor, Tensor> FractionalMaxPoolImpl<D, Derived>::forward_with_indices(
    const Tensor& input) {
  const auto function = FractionalMaxPoolOptions<D>(options)._random_samples(_random_samples);
  if constexpr (D == 2)
    return functional::fractional_max_pool2d_with_indices(input, function);
  else
    return functional::fractional_max_pool3d_with_indices(input, function);
}

template class FractionalMaxPoolImpl<2, FractionalMaxPool2dImpl>;
template class FractionalMaxPoolImpl<3, FractionalMaxPool3dImpl>;
template class MaxUnpoolImpl<1, MaxUnpool1dImpl>;
template class MaxUnpoolImpl<2, MaxUnpool2dImpl>;
template class MaxUnpoolImpl<3, MaxUnpool3dImpl>;

}  // namespace fg::nn
