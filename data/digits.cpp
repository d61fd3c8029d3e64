#include "data/digits.h"

#include "data/csv.h"

namespace fg::data::datasets {
namespace {

constexpr int64_t kSide = 8, kNumPixels = kSide * kSide, kNumClasses = 10;
constexpr float kMaxPixel = 16;
constexpr int64_t kTestStride = 5;

void check_range(const Tensor& table, const std::string& path) {
  const float* value = table.data_ptr<float>();
  for (int64_t row = 0; row < table.size(0); ++row) {
    for (int64_t column = 0; column <= kNumPixels; ++column, ++value) {
      const float max = column < kNumPixels ? kMaxPixel : kNumClasses - 1;
      ENSURE(*value >= 0 && *value <= max, "Digits: ", path, ", row ", row + 1, ", column ",
             column + 1, ": expected a value in [0, ", max, "], got ", *value);
    }
  }
}

/// Indices of the rows that belong to `mode`.
Tensor rows_of(Digits::Mode mode, int64_t num_rows) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < num_rows; ++row) {
    const bool held_back = row % kTestStride == kTestStride - 1;
    if (mode == Digits::Mode::kAll || held_back == (mode == Digits::Mode::kTest))
      rows.push_back(row);
  }
  return fg::tensor(rows, kLong);
}

}  // namespace

Digits::Digits(const std::string& path, Mode mode) {
  const Tensor table = read_csv(path).values;
  ENSURE(table.size(1) == kNumPixels + 1, "Digits: ", path, " must have ", kNumPixels + 1,
         " columns, got ", table.size(1));
  check_range(table, path);
  const Tensor rows = table.index_select(0, rows_of(mode, table.size(0)));
  images_ = rows.narrow(1, 0, kNumPixels).div(kMaxPixel).reshape({-1, 1, kSide, kSide});
  targets_ = rows.select(1, kNumPixels).to(kLong);
}

Example<> Digits::get(size_t index) { return {images_[int64_t(index)], targets_[int64_t(index)]}; }

}  // namespace fg::data::datasets
