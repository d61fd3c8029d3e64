#include "data/mnist.h"

#include <filesystem>

#include "data/idx.h"

namespace fg::data::datasets {
namespace {

/// The file as it is named, or with .gz if only that is there.
Tensor read_member(const std::string& root, const std::string& name) {
  const std::filesystem::path plain = std::filesystem::path(root) / name;
  const std::filesystem::path packed = plain.string() + ".gz";
  std::error_code ignored;
  const bool has_plain = std::filesystem::exists(plain, ignored);
  ENSURE(has_plain || std::filesystem::exists(packed, ignored), "MNIST: root must hold ", name,
         " or ", name, ".gz, got ", root);
  return read_idx(has_plain ? plain : packed);
}

}  // namespace

MNIST::MNIST(const std::string& root, Mode mode) : is_train_(mode == Mode::kTrain) {
  const std::string prefix = is_train_ ? "train" : "t10k";
  const Tensor images = read_member(root, prefix + "-images-idx3-ubyte");
  const Tensor labels = read_member(root, prefix + "-labels-idx1-ubyte");
  ENSURE(images.dtype() == kByte && images.dim() == 3,
         "MNIST: images must be Byte [N, height, width], got ", images.dtype(), ' ',
         images.sizes());
  ENSURE(labels.dtype() == kByte && labels.sizes() == images.sizes().slice(0, 1),
         "MNIST: labels must be Byte [", images.size(0), "], one per image, got ", labels.dtype(),
         ' ', labels.sizes());
  images_ = images.to(kFloat).div_(255).unsqueeze(1);
  targets_ = labels.to(kLong);
}

Example<> MNIST::get(size_t index) { return {images_[int64_t(index)], targets_[int64_t(index)]}; }

}  // namespace fg::data::datasets
