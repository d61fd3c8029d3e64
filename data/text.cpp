#include "data/text.h"

#include <cstring>

#include "data/gzip.h"
#include "tensor/factories.h"

namespace fg::data {

CharCorpus::CharCorpus(std::string_view text, double validation_fraction) {
  ENSURE(!text.empty(), "CharCorpus: text must not be empty");
  ENSURE(validation_fraction >= 0 && validation_fraction < 1,
         "CharCorpus: validation_fraction must be in [0, 1), got ", validation_fraction);
  code_of_.fill(-1);
  for (const char c : text) code_of_[uint8_t(c)] = 0;
  for (size_t c = 0; c < code_of_.size(); ++c) {
    if (code_of_[c] < 0) continue;
    code_of_[c] = int16_t(vocabulary_.size());
    vocabulary_ += char(c);
  }
  const size_t num_train = text.size() - size_t(double(text.size()) * validation_fraction);
  train_ = encode(text.substr(0, num_train));
  validation_ = encode(text.substr(num_train));
}

CharCorpus CharCorpus::from_file(const std::string& path, double validation_fraction) {
  return CharCorpus(read_file(path), validation_fraction);
}

Tensor CharCorpus::encode(std::string_view text) const {
  const Tensor codes = empty({int64_t(text.size())}, kLong);
  int64_t* out = codes.data_ptr<int64_t>();
  for (size_t i = 0; i < text.size(); ++i) {
    const int16_t code = code_of_[uint8_t(text[i])];
    ENSURE(code >= 0, "encode: text must hold characters of the vocabulary only, got byte ",
           int(uint8_t(text[i])), " at position ", i);
    out[i] = code;
  }
  return codes;
}

std::string CharCorpus::decode(const Tensor& codes) const {
  ENSURE(codes.dtype() == kLong && codes.dim() == 1,
         "decode: codes must be one-dimensional Long, got ", codes.dtype(), ' ', codes.sizes());
  const Tensor flat = codes.cpu().contiguous();
  std::string text;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const int64_t code = flat.data_ptr<int64_t>()[i];
    ENSURE(code >= 0 && code < vocabulary_size(), "decode: codes must be in [0, ",
           vocabulary_size(), "), got ", code);
    text += vocabulary_[size_t(code)];
  }
  return text;
}

Example<> CharCorpus::windows_at(Part part, const Tensor& starts, int64_t length) const {
  const int64_t* source = codes(part).data_ptr<int64_t>();
  const Tensor data = empty({starts.numel(), length}, kLong), target = empty_like(data);
  const size_t num_bytes = size_t(length) * sizeof(int64_t);
  for (int64_t i = 0; i < starts.numel(); ++i) {
    const int64_t* window = source + starts.data_ptr<int64_t>()[i];
    std::memcpy(data.data_ptr<int64_t>() + i * length, window, num_bytes);
    std::memcpy(target.data_ptr<int64_t>() + i * length, window + 1, num_bytes);
  }
  return {data, target};
}

Example<> CharCorpus::random_windows(Part part, int64_t batch_size, int64_t length,
                                     optional<Generator> generator) const {
  const int64_t num_starts = codes(part).numel() - length;
  ENSURE(batch_size > 0 && length > 0,
         "random_windows: batch_size and length must be positive, got ", batch_size, " and ",
         length);
  ENSURE(num_starts > 0, "random_windows: length must be below the ", codes(part).numel(),
         " characters of the part, got ", length);
  const Tensor starts = empty({batch_size}, kLong).random_(0, num_starts, generator);
  return windows_at(part, starts, length);
}

Example<> CharCorpus::all_windows(Part part, int64_t length) const {
  ENSURE(length > 0, "all_windows: length must be positive, got ", length);
  const int64_t count = (codes(part).numel() - 1) / length;
  ENSURE(count > 0, "all_windows: length must be below the ", codes(part).numel(),
         " characters of the part, got ", length);
  return windows_at(part, arange(0, count * length, length, kLong), length);
}

}  // namespace fg::data
