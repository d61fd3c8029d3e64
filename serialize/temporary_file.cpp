#include "serialize/temporary_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <stdlib.h>
#include <unistd.h>

#include "tensor/error.h"

namespace fg {
namespace {

/// <folder for temporary files>/<prefix>XXXXXX, as mkstemp wants it.
std::string name_pattern(const std::string& prefix) {
  std::string folder = "/tmp";
  for (const char* variable : {"TMPDIR", "TMP", "TEMP", "TEMPDIR"}) {
    if (const char* value = getenv(variable)) {
      folder = value;
      break;
    }
  }
  return folder + "/" + prefix + "XXXXXX";
}

}  // namespace

TempFile& TempFile::operator=(TempFile&& other) noexcept {
  std::swap(fd, other.fd);
  std::swap(name, other.name);
  return *this;
}

TempFile::~TempFile() {
  if (fd < 0) return;
  unlink(name.c_str());
  close(fd);
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(name, other.name);
  return *this;
}

TempDir::~TempDir() {
  if (!name.empty()) rmdir(name.c_str());
}

std::optional<TempFile> try_make_tempfile(std::string name_prefix) {
  std::string name = name_pattern(name_prefix);
  const int fd = mkstemp(name.data());
  if (fd < 0) return std::nullopt;
  return std::optional<TempFile>(std::in_place, std::move(name), fd);
}

TempFile make_tempfile(std::string name_prefix) {
  auto file = try_make_tempfile(std::move(name_prefix));
  ENSURE(file, "Error generating temporary file, file name: ", std::strerror(errno));
  return std::move(*file);
}

std::optional<TempDir> try_make_tempdir(std::string name_prefix) {
  std::string name = name_pattern(name_prefix);
  if (!mkdtemp(name.data())) return std::nullopt;
  return std::optional<TempDir>(std::in_place, std::move(name));
}

TempDir make_tempdir(std::string name_prefix) {
  auto folder = try_make_tempdir(std::move(name_prefix));
  ENSURE(folder, "Error generating temporary directory: ", std::strerror(errno));
  return std::move(*folder);
}

}  // namespace fg
