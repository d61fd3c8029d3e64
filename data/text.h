// Text as sequences of characters, for language models.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "data/example.h"
#include "tensor/generator.h"

namespace fg::data {

/// A text whose characters (bytes) are numbered by their order in its vocabulary: the distinct
/// characters, sorted. The last `validation_fraction` is held back.
class CharCorpus {
 public:
  enum class Part { kTrain, kValidation };

  /// Throws fg::Error when the text is empty or the fraction lies outside [0, 1).
  explicit CharCorpus(std::string_view text, double validation_fraction = 0.1);
  /// Reads a file, plain or gzip.
  static CharCorpus from_file(const std::string& path, double validation_fraction = 0.1);

  const std::string& vocabulary() const { return vocabulary_; }
  int64_t vocabulary_size() const { return int64_t(vocabulary_.size()); }
  /// [N] of Long. Throws on a character that is not in the vocabulary.
  Tensor encode(std::string_view text) const;
  /// The text of a one-dimensional Long tensor. Throws on a number outside the vocabulary.
  std::string decode(const Tensor& codes) const;
  /// The encoded part, [N] of Long.
  const Tensor& codes(Part part) const { return part == Part::kTrain ? train_ : validation_; }

  /// Windows at random places: data and target are Long [batch_size, length], the target being the
  /// character after each of the data's. Draws randint from `generator`, else from the default one.
  /// Throws when the part is not longer than `length`.
  Example<> random_windows(Part part, int64_t batch_size, int64_t length,
                           optional<Generator> generator = nullopt) const;
  /// Every whole window of the part, without overlap: the same shapes, for evaluation.
  Example<> all_windows(Part part, int64_t length) const;

 private:
  Example<> windows_at(Part part, const Tensor& starts, int64_t length) const;

  std::string vocabulary_;
  std::array<int16_t, 256> code_of_;  // -1: not in the vocabulary
  Tensor train_, validation_;
};

}  // namespace fg::data
