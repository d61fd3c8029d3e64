// gzip: several streams in a row, truncation at every byte, damage, and bounded growth.
#include <doctest/doctest.h>
#include <zlib.h>

#include "data/gzip.h"
#include "tensor/error.h"
#include "tests/files.h"
#include "tests/gzip.h"

using namespace fg;
using namespace fg::data;
using namespace fg::test;

TEST_CASE("gunzip gives back what was packed") {
  std::string text;
  for (int i = 0; i < 300000; ++i) text += char('a' + i % 13 * (i % 7) % 11);
  CHECK(is_gzip(gzip(text)));
  CHECK(gunzip(gzip(text)) == text);
  CHECK(gunzip(gzip("")) == "");
  CHECK(gunzip(gzip("abc") + gzip("") + gzip("def")) == "abcdef");
}

TEST_CASE("gunzip refuses a stream cut at any byte") {
  const std::string packed = gzip("some text, some more text");
  for (size_t size = 2; size < packed.size(); ++size) {
    CAPTURE(size);
    try {
      gunzip(packed.substr(0, size));
      FAIL_CHECK("no error");
    } catch (const Error& error) {
      CHECK(std::string(error.what())
                .starts_with("gunzip: buffer is truncated: the gzip stream breaks off after "));
    }
  }
  CHECK_THROWS_WITH_AS(
      gunzip(packed + packed.substr(0, 10)),
      "gunzip: buffer is truncated: the gzip stream breaks off after 25 bytes of contents", Error);
}

TEST_CASE("gunzip refuses damage and what follows the end") {
  std::string packed = gzip("some text, some more text");
  CHECK_THROWS_WITH_AS(gunzip(packed + "xyz"),
                       "gunzip: buffer has 3 bytes after the end of its gzip stream", Error);
  packed[packed.size() - 6] ^= 1;  // in the check sum
  CHECK_THROWS_WITH_AS(gunzip(packed),
                       "gunzip: buffer is damaged: incorrect data check after 25 bytes of contents",
                       Error);
  CHECK_THROWS_WITH_AS(gunzip("text"),
                       "gunzip: buffer must start with the bytes 1f 8b of a gzip stream", Error);
}

TEST_CASE("gunzip stops at max_bytes") {
  const std::string packed = gzip(std::string(1000000, '\0'));
  CHECK(packed.size() < 2000);
  CHECK(gunzip(packed, 1000000).size() == 1000000);
  CHECK_THROWS_WITH_AS(gunzip(packed, 999999, "bomb"),
                       "gunzip: bomb must hold at most max_bytes = 999999 bytes, got more", Error);
}

TEST_CASE("read_file reads plain and packed files") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  write_all(path, "plain");
  CHECK(read_file(path) == "plain");
  write_all(path, gzip("packed"));
  CHECK(read_file(path) == "packed");
  write_all(path, "");
  CHECK(read_file(path) == "");
}

TEST_CASE("read_file errors") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  CHECK_THROWS_WITH_AS(read_file(path),
                       ("read_file: cannot open " + path + ": No such file or directory").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(
      read_file(directory.path()),
      ("read_file: cannot read " + directory.path() + ": expected a regular file").c_str(), Error);
  write_all(path, "12345");
  CHECK_THROWS_WITH_AS(
      read_file(path, 4),
      ("read_file: " + path + " must hold at most max_bytes = 4 bytes, got more").c_str(), Error);
  write_all(path, gzip("text").substr(0, 10));
  CHECK_THROWS_WITH_AS(
      read_file(path),
      ("gunzip: " + path + " is truncated: the gzip stream breaks off after 0 bytes of contents")
          .c_str(),
      Error);
}
