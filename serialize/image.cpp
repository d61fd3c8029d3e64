#include "serialize/image.h"

#include "serialize/png.h"
#include "tensor/factories.h"

namespace fg {
namespace {

/// [B, C, H, W] with at least three channels.
Tensor as_batch(const Tensor& images) {
  ENSURE(images.defined() && images.dim() >= 2 && images.dim() <= 4,
         "make_grid: images must be [B, C, H, W], [C, H, W] or [H, W], got ",
         images.defined() ? str(images.sizes()) : "an undefined tensor");
  Tensor batch = images.detach();
  while (batch.dim() < 4) batch = batch.unsqueeze(0);
  ENSURE(batch.numel() > 0, "make_grid: images must not be empty, got ", images.sizes());
  return batch.size(1) == 1 ? batch.expand({-1, 3, -1, -1}) : batch;
}

Tensor normalized(const Tensor& t, const optional<MakeGridOptions::Range>& range) {
  const double low = range ? range->first : t.min().item<double>(),
               high = range ? range->second : t.max().item<double>();
  return t.clamp(low, high).sub(low).div(std::max(high - low, 1e-5));
}

Tensor normalized(const Tensor& batch, const MakeGridOptions& options) {
  if (!options.normalize()) return batch;
  const Tensor values = batch.is_floating_point() ? batch : batch.to(kFloat);
  if (!options.scale_each()) return normalized(values, options.value_range());
  Tensor result = empty(values.sizes(), values.options());
  for (int64_t i = 0; i < values.size(0); ++i)
    result[i].copy_(normalized(values[i], options.value_range()));
  return result;
}

}  // namespace

Tensor make_grid(const Tensor& images, const MakeGridOptions& options) {
  ENSURE(options.nrow() > 0 && options.padding() >= 0,
         "make_grid: nrow must be positive and padding must not be negative, got ", options.nrow(),
         " and ", options.padding());
  const auto& range = options.value_range();
  ENSURE(!range || range->first <= range->second, "make_grid: value_range must rise, got ",
         range ? range->first : 0, " to ", range ? range->second : 0);
  const Tensor batch = normalized(as_batch(images), options);
  const int64_t count = batch.size(0), padding = options.padding();
  if (count == 1) return batch[0].clone();
  const int64_t columns = std::min(options.nrow(), count), rows = (count + columns - 1) / columns;
  const int64_t height = batch.size(2) + padding, width = batch.size(3) + padding;
  Tensor grid = full({batch.size(1), height * rows + padding, width * columns + padding},
                     options.pad_value(), batch.options());
  for (int64_t i = 0; i < count; ++i)
    grid.narrow(1, i / columns * height + padding, batch.size(2))
        .narrow(2, i % columns * width + padding, batch.size(3))
        .copy_(batch[i]);
  return grid;
}

Tensor make_grid(const std::vector<Tensor>& images, const MakeGridOptions& options) {
  ENSURE(!images.empty(), "make_grid: images must not be empty, got an empty list");
  std::vector<int64_t> sizes = images[0].sizes().vec();
  sizes.insert(sizes.begin(), int64_t(images.size()));
  Tensor batch = empty(sizes, images[0].options());
  for (size_t i = 0; i < images.size(); ++i) {
    ENSURE(images[i].sizes() == images[0].sizes(), "make_grid: images must have one shape, got ",
           images[0].sizes(), " and ", images[i].sizes());
    batch[int64_t(i)].copy_(images[i].detach());
  }
  return make_grid(batch, options);
}

Tensor detail::image_bytes(const Tensor& image, double offset) {
  if (image.scalar_type() == kByte) return image.detach();
  return image.detach().to(kFloat).nan_to_num().mul(255).add(offset).clamp(0, 255).to(kByte);
}

void save_image(const Tensor& images, const std::string& path, const MakeGridOptions& options) {
  const Tensor grid = make_grid(images, options);
  ENSURE(grid.size(0) <= 4, "save_image: images must have 1 to 4 channels, got ", grid.size(0));
  constexpr double kToNearest = 0.5;
  write_png(path, detail::image_bytes(grid, kToNearest).permute({1, 2, 0}));
}

void save_image(const std::vector<Tensor>& images, const std::string& path,
                const MakeGridOptions& options) {
  save_image(make_grid(images, options), path);
}

}  // namespace fg
