// data/: from files to batches. Readers of IDX, CSV and gzip; datasets, transforms and samplers in
// libtorch's spelling; the loader that puts them together; MNIST, digits and text.
#pragma once

#include <string>
#include <string_view>

namespace fg::data {

/// Bound on what a reader keeps of one file unless told otherwise: a few kilobytes of gzip can grow
/// a thousandfold.
inline constexpr size_t kMaxFileBytes = size_t{4} << 30;

/// Whether `bytes` start as a gzip stream does.
bool is_gzip(std::string_view bytes);

/// The contents of a gzip stream (or of several, one after the other). Throws fg::Error when the
/// stream is damaged or ends early, or when the contents exceed `max_bytes`. `name` stands for the
/// file in errors.
std::string gunzip(std::string_view bytes, size_t max_bytes = kMaxFileBytes,
                   const std::string& name = "buffer");

/// A whole file, unpacked if it is a gzip stream (recognised by its first bytes, not its name).
std::string read_file(const std::string& path, size_t max_bytes = kMaxFileBytes);

}  // namespace fg::data
