#include <cmath>

#include <doctest/doctest.h>

#include "serialize/image.h"
#include "serialize/png.h"
#include "tests/error_text.h"
#include "tests/files.h"
#include "tests/png_reader.h"

using namespace fg;
using test::decode_png;
using test::error_of;
using test::TemporaryDirectory;

TEST_CASE("PNG files give their pixels back") {
  manual_seed(0);
  for (const int64_t channels : {1, 2, 3, 4})
    for (const auto& [height, width] : {std::pair(1, 1), std::pair(3, 7), std::pair(64, 65)}) {
      const Tensor pixels = randint(0, 256, {height, width, channels}, kByte);
      CHECK(decode_png(encode_png(pixels)).equal(pixels));
      // Neither strides nor the offset matter.
      CHECK(decode_png(encode_png(pixels.transpose(0, 1))).equal(pixels.transpose(0, 1)));
    }
  const Tensor grey = randint(0, 256, {5, 6}, kByte);
  CHECK(decode_png(encode_png(grey)).equal(grey.unsqueeze(2)));
}

TEST_CASE("what is no picture") {
  CHECK(error_of([] {
          encode_png(zeros({2, 2}));
        }) ==
        "encode_png: image must be Byte [height, width] or [height, width, 1 to 4 channels], got "
        "Float [2, 2]");
  CHECK(error_of([] {
          encode_png(zeros({2, 2, 5}, kByte));
        }) ==
        "encode_png: image must be Byte [height, width] or [height, width, 1 to 4 channels], got "
        "Byte [2, 2, 5]");
  CHECK(error_of([] {
          encode_png(zeros({2, 0, 3}, kByte));
        }) == "encode_png: image must have at least one pixel, got [2, 0, 3]");
  CHECK(error_of([] {
          write_png("/no/such/folder/a.png", zeros({1, 1}, kByte));
        }) == "write_png: cannot write /no/such/folder/a.png: No such file or directory");
}

TEST_CASE("make_grid places images in rows") {
  // The figures are torchvision's for the same call.
  const Tensor images = arange(5 * 3 * 2 * 2).view({5, 3, 2, 2}).to(kFloat);
  const Tensor grid = make_grid(images, MakeGridOptions(3).padding(1).pad_value(-1));
  REQUIRE(grid.sizes() == IntArrayRef({3, 7, 10}));
  for (int64_t i = 0; i < 5; ++i) {
    const Tensor cell = grid.narrow(1, i / 3 * 3 + 1, 2).narrow(2, i % 3 * 3 + 1, 2);
    CHECK(cell.equal(images[i]));
  }
  CHECK(grid.select(1, 0).eq(-1).all().item<bool>());
  CHECK(grid.select(2, 9).eq(-1).all().item<bool>());
  CHECK(grid.narrow(1, 4, 2).narrow(2, 7, 3).eq(-1).all().item<bool>());  // the cell that is free
  CHECK(make_grid(images).sizes() == IntArrayRef({3, 6, 22}));            // 8 in a row, 2 between

  const Tensor grey = rand({2, 1, 4, 4});
  CHECK(make_grid(grey).sizes() == IntArrayRef({3, 8, 14}));
  CHECK(make_grid(grey[0]).equal(grey[0].expand({3, 4, 4})));
  CHECK(make_grid(grey[0][0]).equal(grey[0].expand({3, 4, 4})));
  CHECK(make_grid({images[0], images[1]}).equal(make_grid(images.narrow(0, 0, 2))));
  CHECK(make_grid(images.to(kByte)).scalar_type() == kByte);
  CHECK_FALSE(make_grid(images.clone().requires_grad_(true)).requires_grad());
}

TEST_CASE("make_grid normalizes") {
  const Tensor images = tensor({-2.0, 2.0, 0.0, 6.0}).view({2, 1, 1, 2});
  const auto row = [&](const MakeGridOptions& options) {
    const Tensor grid = make_grid(images, MakeGridOptions(options).padding(0));
    return grid[0][0];
  };
  CHECK(row(MakeGridOptions().normalize(true)).equal(tensor({0.0f, 0.5f, 0.25f, 1.0f})));
  CHECK(row(MakeGridOptions().normalize(true).scale_each(true))
            .equal(tensor({0.0f, 1.0f, 0.0f, 1.0f})));
  const MakeGridOptions::Range range{0, 4};
  CHECK(row(MakeGridOptions().normalize(true).value_range(range))
            .equal(tensor({0.0f, 0.5f, 0.0f, 1.0f})));
  // One value everywhere: no division by zero.
  CHECK(make_grid(full({1, 1, 2, 2}, 3.0), MakeGridOptions().normalize(true))
            .eq(0)
            .all()
            .item<bool>());
}

TEST_CASE("make_grid's bad input") {
  CHECK(error_of([] { make_grid(zeros({4})); }) ==
        "make_grid: images must be [B, C, H, W], [C, H, W] or [H, W], got [4]");
  CHECK(error_of([] { make_grid(Tensor()); }) ==
        "make_grid: images must be [B, C, H, W], [C, H, W] or [H, W], got an undefined tensor");
  CHECK(error_of([] {
          make_grid(zeros({0, 3, 2, 2}));
        }) == "make_grid: images must not be empty, got [0, 3, 2, 2]");
  CHECK(error_of([] { make_grid(std::vector<Tensor>{}); }) ==
        "make_grid: images must not be empty, got an empty list");
  CHECK(error_of([] {
          make_grid({zeros({3, 2, 2}), zeros({3, 2, 3})});
        }) == "make_grid: images must have one shape, got [3, 2, 2] and [3, 2, 3]");
  CHECK(error_of([] {
          make_grid(zeros({2, 3, 2, 2}), MakeGridOptions(0));
        }) == "make_grid: nrow must be positive and padding must not be negative, got 0 and 2");
  const MakeGridOptions::Range falling{1, 0};
  CHECK(error_of([&] {
          make_grid(zeros({2, 3, 2, 2}), MakeGridOptions().normalize(true).value_range(falling));
        }) == "make_grid: value_range must rise, got 1 to 0");
}

TEST_CASE("save_image rounds, clamps and makes NaN black") {
  const TemporaryDirectory directory;
  const Tensor image = tensor({0.0, 0.5, 1.0, -3.0, 9.0, std::nan("")}).view({1, 2, 3}).to(kFloat);
  save_image(image, directory / "a.png");
  const Tensor shown = decode_png(test::read_all(directory / "a.png"));
  CHECK(shown.sizes() == IntArrayRef({2, 3, 3}));
  CHECK(shown.select(2, 1).flatten().equal(tensor({0, 128, 255, 0, 255, 0}).to(kByte)));
  save_image({image, image}, directory / "b.png", MakeGridOptions().padding(0));
  CHECK(decode_png(test::read_all(directory / "b.png")).sizes() == IntArrayRef({2, 6, 3}));
  save_image(full({3, 1, 1}, 77, kByte), directory / "c.png");
  CHECK(decode_png(test::read_all(directory / "c.png")).eq(77).all().item<bool>());
  CHECK(error_of([&] {
          save_image(zeros({5, 2, 2}), directory / "d.png");
        }) == "save_image: images must have 1 to 4 channels, got 5");
  CHECK(error_of([&] { save_image(image, directory / "missing/a.png"); }) ==
        "write_png: cannot write " + (directory / "missing/a.png") + ": No such file or directory");
}
