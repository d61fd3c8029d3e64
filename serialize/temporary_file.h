// Files and folders that vanish with the object, in TMPDIR (or TMP, TEMP, TEMPDIR) or /tmp.
#pragma once

#include <optional>
#include <string>

namespace fg {

/// An open file of its own, removed by the destructor.
struct TempFile {
  TempFile() = default;
  TempFile(std::string name, int fd) : fd(fd), name(std::move(name)) {}
  TempFile(TempFile&& other) noexcept { *this = std::move(other); }
  TempFile& operator=(TempFile&& other) noexcept;
  ~TempFile();

  int fd = -1;
  std::string name;
};

/// A folder of its own; the destructor removes it if it is empty.
struct TempDir {
  TempDir() = default;
  explicit TempDir(std::string name) : name(std::move(name)) {}
  TempDir(TempDir&& other) noexcept { *this = std::move(other); }
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();

  std::string name;
};

/// Absent, or fg::Error with the system's reason, when the file cannot be made.
std::optional<TempFile> try_make_tempfile(std::string name_prefix = "torch-file-");
TempFile make_tempfile(std::string name_prefix = "torch-file-");
std::optional<TempDir> try_make_tempdir(std::string name_prefix = "torch-dir-");
TempDir make_tempdir(std::string name_prefix = "torch-dir-");

}  // namespace fg
