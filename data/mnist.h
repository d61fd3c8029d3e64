// MNIST, and everything that is stored as MNIST is: four IDX files in a folder, gzipped or not.
#pragma once

#include <string>

#include "data/dataset.h"

namespace fg::data::datasets {

/// Images [1, 28, 28] of Float in [0, 1] and targets 0..9 (0-dim Long), from the files
/// train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte (or the same with .gz) in the folder `root`.
class MNIST : public Dataset<MNIST> {
 public:
  enum class Mode { kTrain, kTest };

  /// Throws fg::Error when a file is missing or damaged, or images and labels do not fit.
  explicit MNIST(const std::string& root, Mode mode = Mode::kTrain);

  Example<> get(size_t index) override;
  optional<size_t> size() const override { return size_t(images_.size(0)); }
  bool is_train() const noexcept { return is_train_; }
  /// [N, 1, 28, 28].
  const Tensor& images() const { return images_; }
  /// [N].
  const Tensor& targets() const { return targets_; }
  /// The same data, gathered batch by batch: quicker than stacking examples.
  TensorBatches batches() const { return {images_, targets_}; }

 private:
  Tensor images_, targets_;
  bool is_train_;
};

}  // namespace fg::data::datasets
