// npy and npz: numpy's files of one array and of several (zip archives of npy files).
#pragma once

#include <string>
#include <string_view>

#include "tensor/state_dict.h"

namespace fg {

/// Bound on the unpacked size of an npz file unless told otherwise: a small archive can grow a
/// thousandfold.
inline constexpr size_t kMaxNpzBytes = size_t{16} << 30;

/// Reads a file of numpy.save, of any version: bool, 8 to 64 bit signed integers, uint8, float16, float32
/// or float64, little-endian, in C or Fortran order. Throws fg::Error when the file is damaged, not
/// exactly as long as its header says, or of another dtype.
Tensor load_npy(const std::string& path);
/// The same from memory; `name` stands for the path in errors.
Tensor parse_npy(std::string_view bytes, const std::string& name = "buffer");
/// The bytes that numpy.save would write. Throws on BFloat16, which numpy lacks.
std::string serialize_npy(const Tensor& tensor, const std::string& name = "tensor");
/// Writes them through a temporary file.
void save_npy(const std::string& path, const Tensor& tensor);

/// Reads a file of numpy.savez or savez_compressed, its arrays in the file's order under their names
/// there. Throws fg::Error when the archive or an array in it is damaged, or unpacks to more than
/// `max_bytes`.
StateDict load_npz(const std::string& path, size_t max_bytes = kMaxNpzBytes);
StateDict parse_npz(std::string_view bytes, const std::string& name = "buffer",
                    size_t max_bytes = kMaxNpzBytes);
/// Writes through a temporary file; `compressed` as numpy.savez_compressed does.
void save_npz(const std::string& path, const StateDict& tensors, bool compressed = false);

}  // namespace fg
