// Handwritten digits of 8x8 pixels: the small real data set that the repository carries.
#pragma once

#include <string>

#include "data/dataset.h"

namespace fg::data::datasets {

/// Images [1, 8, 8] of Float in [0, 1] and targets 0..9 (0-dim Long), from a CSV file (plain or gzip) of
/// 64 pixel columns with values 0..16 and the label in the last column, without a header line.
class Digits : public Dataset<Digits> {
 public:
  /// Every fifth image is held back for kTest, so both parts have all writers and digits.
  enum class Mode { kAll, kTrain, kTest };

  /// Throws fg::Error when the file is no such table.
  explicit Digits(const std::string& path, Mode mode = Mode::kTrain);

  Example<> get(size_t index) override;
  optional<size_t> size() const override { return size_t(images_.size(0)); }
  /// [N, 1, 8, 8].
  const Tensor& images() const { return images_; }
  /// [N].
  const Tensor& targets() const { return targets_; }
  /// The same data, gathered batch by batch: quicker than stacking examples.
  TensorBatches batches() const { return {images_, targets_}; }

 private:
  Tensor images_, targets_;
};

}  // namespace fg::data::datasets
