// safetensors: named tensors in one file, as the ecosystem around PyTorch exchanges them
// (https://github.com/huggingface/safetensors: 8 bytes of header length, a JSON header, the data).
#pragma once

#include <map>
#include <string>

#include "tensor/state_dict.h"

namespace fg {

/// The strings of a file's `__metadata__`.
using Metadata = std::map<std::string, std::string>;

struct SafeTensors {
  /// In the order of the header.
  StateDict tensors;
  Metadata metadata;
};

/// Reads a file by mapping it: the tensors share the mapping, cost nothing until they are used, and
/// may be written to (the file does not change). Throws fg::Error naming what is wrong when the file
/// is not exactly as the format demands: a header of at most 100 MB of valid UTF-8 and JSON without
/// repeated keys, known dtypes, at most 64 dims, data as long as shape x dtype says, lying without
/// overlap or hole from the header's end to the file's end.
SafeTensors load_safetensors(const std::string& path);

/// The same from memory; the tensors are copies. `name` stands for the path in errors.
SafeTensors parse_safetensors(const void* data, size_t num_bytes,
                              const std::string& name = "buffer");

/// Writes through a temporary file, so that a failure harms no older file. Every dtype; views and
/// tensors on other devices are copied. The header keeps the order of `tensors`; in the data, larger
/// element types come first, so that every tensor is aligned.
void save_safetensors(const std::string& path, const StateDict& tensors,
                      const Metadata& metadata = {});
/// The bytes of that file.
std::string serialize_safetensors(const StateDict& tensors, const Metadata& metadata = {});

}  // namespace fg
