// serialize/: what outlives a run. safetensors, npy and npz files, checkpoints, and the safe handling
// of files that they share: writing that never harms what was saved before, and mapped reading.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace fg {

/// A file that appears under its name only when it is complete: written beside its target, flushed to
/// the disk, then renamed over it. Every failure (no such directory, no permission, a full disk) is an
/// fg::Error that starts with `op` and names the path and the system's reason; the temporary file is
/// removed and an older file of that name stays as it was.
class AtomicFile {
 public:
  AtomicFile(std::string op, std::string path);
  /// Removes the temporary file unless commit() has succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t num_bytes);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  void commit();

 private:
  [[noreturn]] void fail();

  std::string op_, path_, temporary_;
  int descriptor_ = -1;
};

/// Writes a whole file through AtomicFile.
void write_file(const std::string& op, const std::string& path, std::string_view bytes);

/// A whole file in memory, read on demand. Its pages may be written to: a written page becomes a
/// private copy and the file does not change. Trap: a file that another program shortens while it is
/// mapped raises SIGBUS; files replaced by renaming, as AtomicFile does, are safe.
class MappedFile {
 public:
  /// Throws fg::Error, starting with `op`, when `path` is no readable regular file.
  MappedFile(const std::string& op, const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  char* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace fg
