// Atomic writing: the new file is whole or the old one untouched, and the error says why.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "serialize/file.h"
#include "tensor/error.h"
#include "tests/files.h"

using namespace fg;
using namespace fg::test;

TEST_CASE("AtomicFile writes a new file and replaces an old one") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  write_file("save", path, "first");
  CHECK(read_all(path) == "first");
  chmod(path.c_str(), 0640);
  write_file("save", path, "second");
  CHECK(read_all(path) == "second");
  struct stat info;
  stat(path.c_str(), &info);
  CHECK((info.st_mode & 07777) == 0640);
  CHECK(directory.num_files() == 1);
}

TEST_CASE("AtomicFile shows nothing under the name before commit") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  {
    AtomicFile file("save", path);
    file.write("abc");
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK(directory.num_files() == 0);
  AtomicFile file("save", path);
  file.write("abc");
  file.commit();
  CHECK(read_all(path) == "abc");
  const std::string closed = "save: cannot write " + path + ": the file is already closed";
  CHECK_THROWS_WITH_AS(file.write("d"), closed.c_str(), Error);
}

TEST_CASE("AtomicFile writes through a symbolic link") {
  const TemporaryDirectory directory;
  write_all(directory / "target", "old");
  std::filesystem::create_symlink(directory / "target", directory / "link");
  write_file("save", directory / "link", "new");
  CHECK(std::filesystem::is_symlink(directory / "link"));
  CHECK(read_all(directory / "target") == "new");
}

TEST_CASE("AtomicFile errors name the path and the reason") {
  const TemporaryDirectory directory;
  const std::string missing = directory / "missing/x";
  CHECK_THROWS_WITH_AS(write_file("save", missing, "abc"),
                       ("save: cannot write " + missing + ": No such file or directory").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(
      write_file("save", directory.path(), "abc"),
      ("save: cannot write " + directory.path() + ": expected a regular file or a new name")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(write_file("save", "/dev/full", "abc"),
                       "save: cannot write /dev/full: expected a regular file or a new name",
                       Error);
  write_all(directory / "file", "");
  const std::string below = directory / "file/x";
  CHECK_THROWS_WITH_AS(write_file("save", below, "abc"),
                       ("save: cannot write " + below + ": Not a directory").c_str(), Error);
}

TEST_CASE("AtomicFile without permission") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  write_all(path, "old");
  chmod(directory.path().c_str(), 0555);
  // Root may write everywhere, so root becomes nobody for a moment.
  const uid_t user = geteuid();
  if (user == 0) REQUIRE(seteuid(65534) == 0);
  CHECK_THROWS_WITH_AS(write_file("save", path, "new"),
                       ("save: cannot write " + path + ": Permission denied").c_str(), Error);
  if (user == 0) REQUIRE(seteuid(user) == 0);
  chmod(directory.path().c_str(), 0755);
  CHECK(read_all(path) == "old");
}

TEST_CASE("A write that fails half way leaves the old file and no rubbish") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  write_all(path, "old");
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH_AS(write_file("save", path, std::string(10000, 'x')),
                         ("save: cannot write " + path + ": File too large").c_str(), Error);
  }
  CHECK(read_all(path) == "old");
  CHECK(directory.num_files() == 1);
}

TEST_CASE("What a failed write has left cannot be committed") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  const FileSizeLimit limit(4096);
  AtomicFile file("save", path);
  CHECK_THROWS_AS(file.write(std::string(10000, 'x')), Error);
  const std::string closed = "save: cannot write " + path + ": the file is already closed";
  CHECK_THROWS_WITH_AS(file.commit(), closed.c_str(), Error);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("A full disk leaves the old file and no rubbish") {
  const TemporaryDirectory directory;
  // Mounting takes root and a kernel that allows it; the case above covers the others.
  if (mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=64k") != 0) return;
  const std::string path = directory / "x";
  write_all(path, "old");
  CHECK_THROWS_WITH_AS(write_file("save", path, std::string(200000, 'x')),
                       ("save: cannot write " + path + ": No space left on device").c_str(), Error);
  CHECK(read_all(path) == "old");
  CHECK(directory.num_files() == 1);
  umount(directory.path().c_str());
}

TEST_CASE("MappedFile reads a file and keeps writes to itself") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  write_all(path, "abc");
  {
    const MappedFile file("load", path);
    CHECK(file.bytes() == "abc");
    file.data()[0] = 'z';
    CHECK(file.bytes() == "zbc");
  }
  CHECK(read_all(path) == "abc");
  write_all(path, "");
  CHECK(MappedFile("load", path).size() == 0);
}

TEST_CASE("MappedFile errors") {
  const TemporaryDirectory directory;
  const std::string missing = directory / "missing";
  CHECK_THROWS_WITH_AS(MappedFile("load", missing),
                       ("load: cannot open " + missing + ": No such file or directory").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(
      MappedFile("load", directory.path()),
      ("load: cannot read " + directory.path() + ": expected a regular file").c_str(), Error);
  const std::string pipe = directory / "pipe";
  mkfifo(pipe.c_str(), 0600);
  CHECK_THROWS_WITH_AS(MappedFile("load", pipe),
                       ("load: cannot read " + pipe + ": expected a regular file").c_str(), Error);
}
