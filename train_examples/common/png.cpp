#include "train_examples/common/png.h"

#include <vector>

#include <png.h>

#include "serialize/file.h"
#include "tensor/factories.h"

namespace fg::examples {

void write_png(const std::string& path, const Tensor& image) {
  const bool grey = image.dim() == 2;
  ENSURE(image.scalar_type() == kByte && (grey || (image.dim() == 3 && image.size(2) == 3)),
         "write_png: image must be Byte [height, width] or [height, width, 3], got ",
         image.scalar_type(), " ", image.sizes());
  const Tensor pixels = image.contiguous();
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = png_uint_32(image.size(1));
  header.height = png_uint_32(image.size(0));
  header.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  const auto encode = [&](void* memory) {
    const int ok =
        png_image_write_to_memory(&header, memory, &size, 0, pixels.data_ptr(), 0, nullptr);
    ENSURE(ok, "write_png: ", path, ": ", header.message);
  };
  encode(nullptr);  // only counts the bytes
  std::vector<char> bytes(size);
  encode(bytes.data());
  write_file("write_png", path, {bytes.data(), size});
}

Tensor picture_of_grid(const Tensor& images, int64_t columns, int64_t scale) {
  const int64_t count = images.size(0), height = images.size(1) * scale,
                width = images.size(2) * scale, border = scale;
  const int64_t rows = (count + columns - 1) / columns;
  Tensor picture = full({rows * (height + border) + border, columns * (width + border) + border},
                        int64_t(90), kByte);
  const Tensor large = images.detach()
                           .clamp(0, 1)
                           .mul(255)
                           .round()
                           .to(kByte)
                           .repeat_interleave(scale, 1)
                           .repeat_interleave(scale, 2);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = border + i / columns * (height + border);
    const int64_t left = border + i % columns * (width + border);
    picture.narrow(0, top, height).narrow(1, left, width).copy_(large[i]);
  }
  return picture;
}

}  // namespace fg::examples
