#include "data/gzip.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <sys/stat.h>
#include <zlib.h>

#include "tensor/error.h"

namespace fg::data {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 18;

/// zlib's inflate state, freed on every way out.
struct Inflater {
  Inflater() {
    constexpr int kGzipOnly = 16;
    ENSURE(inflateInit2(&stream, kGzipOnly + MAX_WBITS) == Z_OK, "gunzip: out of memory");
  }
  ~Inflater() { inflateEnd(&stream); }
  z_stream stream = {};
};

void append(std::string& result, const char* data, size_t num_bytes, size_t max_bytes,
            const char* op, const std::string& name) {
  ENSURE(num_bytes <= max_bytes - result.size(), op, ": ", name,
         " must hold at most max_bytes = ", max_bytes, " bytes, got more");
  result.append(data, num_bytes);
}

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view bytes, size_t max_bytes, const std::string& name) {
  ENSURE(is_gzip(bytes), "gunzip: ", name, " must start with the bytes 1f 8b of a gzip stream");
  Inflater inflater;
  z_stream& stream = inflater.stream;
  std::string result;
  std::vector<char> chunk(kChunkBytes);
  int status = Z_OK;
  while (true) {
    // zlib counts in 32 bits.
    const size_t num_input = std::min(bytes.size(), size_t{1} << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = uInt(num_input);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = uInt(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(num_input - stream.avail_in);
    append(result, chunk.data(), chunk.size() - stream.avail_out, max_bytes, "gunzip", name);
    if (status == Z_STREAM_END) {
      if (bytes.empty()) return result;
      ENSURE(is_gzip(bytes), "gunzip: ", name, " has ", bytes.size(),
             " bytes after the end of its gzip stream");
      inflateReset(&stream);
      continue;
    }
    // Z_BUF_ERROR: nothing more can be done, so the input has run out.
    ENSURE(status != Z_BUF_ERROR, "gunzip: ", name,
           " is truncated: the gzip stream breaks off after ", result.size(), " bytes of contents");
    ENSURE(status == Z_OK, "gunzip: ", name,
           " is damaged: ", stream.msg ? stream.msg : "unknown error", " after ", result.size(),
           " bytes of contents");
  }
}

std::string read_file(const std::string& path, size_t max_bytes) {
  struct stat info;
  const bool found = stat(path.c_str(), &info) == 0;
  ENSURE(!found || S_ISREG(info.st_mode), "read_file: cannot read ", path,
         ": expected a regular file");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  ENSURE(file, "read_file: cannot open ", path, ": ", std::strerror(errno));
  std::string bytes;
  std::vector<char> chunk(kChunkBytes);
  while (const size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    append(bytes, chunk.data(), count, max_bytes, "read_file", path);
  }
  ENSURE(!std::ferror(file.get()), "read_file: cannot read ", path, ": ", std::strerror(errno));
  return is_gzip(bytes) ? gunzip(bytes, max_bytes, path) : bytes;
}

}  // namespace fg::data
