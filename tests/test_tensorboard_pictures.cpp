// Histograms and images in event files; see test_tensorboard.cpp.
#include <limits>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "serialize/tensorboard.h"
#include "tensor/factories.h"
#include "tests/error_text.h"
#include "tests/event_reader.h"
#include "tests/png_reader.h"

using namespace fg;
using test::error_of;
using test::last_value;
using test::TemporaryDirectory;
using test::WireFields;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(),
                 kNaN = std::numeric_limits<double>::quiet_NaN();

/// The image of a folder's last event: Byte [height, width, channels].
Tensor last_image(const std::string& folder) {
  const WireFields image = last_value(folder).message(4);
  const Tensor pixels = test::decode_png(image.text(4));
  CHECK(image.integer(1) == pixels.size(0));
  CHECK(image.integer(2) == pixels.size(1));
  CHECK(image.integer(3) == pixels.size(2));
  return pixels;
}

}  // namespace

TEST_CASE("histograms have PyTorch's bins") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  const auto histogram_of = [&](const Tensor& values) {
    writer.add_histogram("h", values, 1);
    writer.flush();
    return last_value(directory.path()).message(5);
  };
  // The figures are those of numpy.histogram on the same bins.
  const WireFields h = histogram_of(tensor({-1.0, 0.0, 0.0, 1e-13, 2.0, 2.0625}));
  CHECK(h.real(1) == -1.0);
  CHECK(h.real(2) == 2.0625);
  CHECK(h.real(3) == 6);
  CHECK(h.real(4) == doctest::Approx(3.0625));
  CHECK(h.real(5) == doctest::Approx(1 + 4 + 2.0625 * 2.0625));
  const std::vector<double> limits = h.reals(6), counts = h.reals(7);
  REQUIRE(limits.size() == counts.size());
  CHECK(counts.front() == 0);  // where the first bin begins
  CHECK(limits[0] <= -1.0);
  CHECK(limits[1] > -1.0);
  CHECK(counts[1] == 1);
  const auto zero = std::find(limits.begin(), limits.end(), 0.0) - limits.begin();
  CHECK(counts[size_t(zero)] == 0);      // [-1e-12, 0)
  CHECK(counts[size_t(zero) + 1] == 3);  // [0, 1e-12)
  CHECK(limits[size_t(zero) + 1] == 1e-12);
  CHECK(limits[size_t(zero) + 2] == 1e-12 * 1.1);
  double sum = 0;
  for (const double count : counts) sum += count;
  CHECK(sum == 6);
  CHECK(limits.back() > 2.0625);
  CHECK(limits[limits.size() - 2] <= 2.0625);

  SUBCASE("whole numbers, halves, and a single value") {
    CHECK(histogram_of(tensor({int64_t(3), int64_t(3)})).reals(7) == std::vector<double>{0, 2});
    CHECK(histogram_of(tensor({0.5, 0.5}).to(kBFloat16)).real(4) == 1.0);
    CHECK(histogram_of(tensor(7.0)).real(3) == 1);
    CHECK(histogram_of(tensor({true, false})).real(4) == 1);
  }
  SUBCASE("what is not finite is left out") {
    const WireFields rest = histogram_of(tensor({kNaN, 1.0, kInf, -kInf, 1.0}));
    CHECK(rest.real(1) == 1.0);
    CHECK(rest.real(2) == 1.0);
    CHECK(rest.real(3) == 2);
    CHECK(rest.reals(7) == std::vector<double>{0, 2});
  }
  SUBCASE("nothing to count") {
    CHECK(error_of([&] {
            writer.add_histogram("h", empty({0, 3}));
          }) == "add_histogram: values must not be empty, got shape [0, 3]");
    CHECK(error_of([&] { writer.add_histogram("h", Tensor()); }) ==
          "add_histogram: values must not be empty, got an undefined tensor");
    CHECK(error_of([&] {
            writer.add_histogram("h", tensor({kNaN, kInf}));
          }) == "add_histogram: values must hold a number between -1e20 and 1e20, got 2 others");
  }
  SUBCASE("counted elsewhere") {
    writer.add_histogram_raw("raw", 0, 2, 3, 4, 6, {1, 2}, {1, 2});
    writer.flush();
    const WireFields raw = last_value(directory.path()).message(5);
    CHECK(raw.reals(6) == std::vector<double>{1, 2});
    CHECK(raw.real(5) == 6);
    CHECK(error_of([&] {
            writer.add_histogram_raw("raw", 0, 2, 3, 4, 6, {1, 2}, {1});
          }) ==
          "add_histogram_raw: bucket_limits and bucket_counts must have one length above 0, got 2 "
          "and 1");
  }
}

TEST_CASE("images in every layout") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  const Tensor chw = rand({3, 4, 5});
  const Tensor expected = (chw * 255).to(kByte).permute({1, 2, 0});
  const auto shown = [&](const Tensor& image, const std::string& dataformats) {
    writer.add_image("i", image, 1, nullopt, dataformats);
    writer.flush();
    return last_image(directory.path());
  };
  CHECK(shown(chw, "CHW").equal(expected));
  CHECK(shown(chw.permute({1, 2, 0}), "HWC").equal(expected));
  CHECK(shown(chw.permute({2, 0, 1}), "WCH").equal(expected));
  CHECK(shown(expected, "HWC").equal(expected));  // Byte values are not scaled
  CHECK(shown(chw[0], "HW").equal(expected.select(2, 0).unsqueeze(2).expand({4, 5, 3})));
  CHECK(shown(chw.narrow(0, 0, 1), "CHW").equal(shown(chw[0], "HW")));
  CHECK(shown(cat({chw, chw.narrow(0, 0, 1)}), "CHW").size(2) == 4);
  // Out of range, and no number at all.
  const Tensor odd = tensor({-1.0, 2.0, kNaN, kInf, 0.5, 1.0}).view({2, 3});
  CHECK(
      shown(odd, "HW").select(2, 0).flatten().equal(tensor({0, 255, 0, 255, 127, 255}).to(kByte)));

  // Ten images: eight in the first row.
  writer.add_images("is", ones({10, 1, 2, 3}), 1);
  writer.flush();
  const Tensor grid = last_image(directory.path());
  CHECK(grid.sizes() == IntArrayRef({4, 24, 3}));
  CHECK(grid.sum().item<int64_t>() == 10 * 2 * 3 * 3 * 255);
  writer.add_images("is", zeros({2, 2, 3, 3}), 1, nullopt, "NHWC");
}

TEST_CASE("images that cannot be shown") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  const auto error = [&](const Tensor& image, const std::string& dataformats) {
    return error_of([&] { writer.add_image("i", image, 1, nullopt, dataformats); });
  };
  CHECK(error(zeros({4, 5}), "CHW") ==
        "add_image: img_tensor must have 3 dims that are not empty (CHW), got shape [4, 5]");
  CHECK(error(zeros({3, 0, 5}), "CHW") ==
        "add_image: img_tensor must have 3 dims that are not empty (CHW), got shape [3, 0, 5]");
  CHECK(error(Tensor(), "CHW") ==
        "add_image: img_tensor must have 3 dims that are not empty (CHW), got an undefined tensor");
  CHECK(error(zeros({2, 4, 5}), "CHW") ==
        "add_image: img_tensor must have 1 or 3 channels, or 4 in a single image, got shape [2, 4, "
        "5] (CHW)");
  for (const char* wrong : {"CHH", "CH", "", "CHWN5", "XYZ"})
    CHECK(error(zeros({3, 4, 5}), wrong) ==
          "add_image: dataformats must be the letters of NCHW, CHW or HW in some order, got \"" +
              std::string(wrong) + "\"");
  CHECK(
      error_of([&] {
        writer.add_images("i", zeros({2, 4, 5, 5}));
      }) ==
      "add_images: img_tensor must have 1 or 3 channels, or 4 in a single image, got shape [2, 4, "
      "5, 5] (NCHW)");
}
