#include "serialize/file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/error.h"

namespace fg {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// The file that writing to `path` must replace: a symbolic link stays and its target changes.
std::string resolved(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  char* real = realpath(path.c_str(), nullptr);
  if (!real) return path;  // a dangling link; renaming replaces it
  std::string result = real;
  std::free(real);
  return result;
}

/// Creates an empty file in `directory` under a name of its own, which `name` receives; -1 on failure.
int create_temporary(const std::string& directory, std::string& name) {
  static std::atomic<unsigned> counter{0};
  int descriptor;
  do {
    name = str(directory, "/.fusegrad-", getpid(), "-", counter++, ".tmp");
    descriptor = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EEXIST);
  return descriptor;
}

}  // namespace

AtomicFile::AtomicFile(std::string op, std::string path)
    : op_(std::move(op)), path_(resolved(path)) {
  struct stat old;
  const bool exists = stat(path_.c_str(), &old) == 0;
  ENSURE(!exists || S_ISREG(old.st_mode), op_, ": cannot write ", path_,
         ": expected a regular file or a new name");
  std::string name;
  descriptor_ = create_temporary(directory_of(path_), name);
  if (descriptor_ < 0) fail();
  temporary_ = name;
  // Where a file system has no permissions to set, this fails and nothing is lost.
  if (exists) static_cast<void>(fchmod(descriptor_, old.st_mode & 07777));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::fail() {
  const int error = errno;
  // Closed, so that nobody can commit what is incomplete.
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  detail::fail(str(op_, ": cannot write ", path_, ": ", reason(error)));
}

void AtomicFile::write(const void* data, size_t num_bytes) {
  ENSURE(descriptor_ >= 0, op_, ": cannot write ", path_, ": the file is already closed");
  const char* next = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const ssize_t written = ::write(descriptor_, next, num_bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    next += written;
    num_bytes -= size_t(written);
  }
}

void AtomicFile::commit() {
  ENSURE(descriptor_ >= 0, op_, ": cannot write ", path_, ": the file is already closed");
  // Before the rename, or a crash could leave the new name with none of the data.
  if (fsync(descriptor_) != 0) fail();
  if (close(std::exchange(descriptor_, -1)) != 0) fail();
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  temporary_.clear();
  // Makes the new name itself durable; some file systems cannot, and the file is complete anyway.
  const int directory = open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
}

void write_file(const std::string& op, const std::string& path, std::string_view bytes) {
  AtomicFile file(op, path);
  file.write(bytes);
  file.commit();
}

MappedFile::MappedFile(const std::string& op, const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ENSURE(descriptor >= 0, op, ": cannot open ", path, ": ", reason(errno));
  struct stat info;
  const bool is_file = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
  void* data = nullptr;
  if (is_file && info.st_size > 0) {
    data = mmap(nullptr, size_t(info.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
  }
  const int error = errno;
  close(descriptor);
  ENSURE(is_file, op, ": cannot read ", path, ": expected a regular file");
  ENSURE(data != MAP_FAILED, op, ": cannot map ", path, ": ", reason(error));
  data_ = static_cast<char*>(data);
  size_ = size_t(info.st_size);
}

MappedFile::~MappedFile() {
  if (data_) munmap(data_, size_);
}

}  // namespace fg
