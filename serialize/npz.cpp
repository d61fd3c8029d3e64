#include <memory>
#include <vector>

#include <zip.h>

#include "serialize/file.h"
#include "serialize/npy.h"

namespace fg {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr size_t kChunkBytes = size_t{1} << 20;
// The earliest date that zip can express, so that equal tensors give equal files.
constexpr zip_uint16_t kDosTime = 0, kDosDate = 1 << 5 | 1;

struct ZipDeleter {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, ZipDeleter>;
using Member = std::unique_ptr<zip_file_t, ZipDeleter>;
using Source = std::unique_ptr<zip_source_t, ZipDeleter>;

/// Receives the reason of a failure and keeps it until it is thrown.
struct ZipError {
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  std::string text() { return zip_error_strerror(&error); }
  zip_error_t error;
};

/// An archive over a buffer in memory; `source` goes on to exist after the archive is closed.
Archive open_archive(std::string_view bytes, int flags, const std::string& where, Source& source) {
  ZipError error;
  source.reset(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error));
  ENSURE(source, where, "cannot read the archive: ", error.text());
  Archive archive(zip_open_from_source(source.get(), flags, &error.error));
  ENSURE(archive, where, "the file must be a zip archive: ", error.text());
  zip_source_keep(source.get());  // the archive has taken over the reference that `source` counts
  return archive;
}

/// The contents of one member, of which at most `max_bytes` may come.
std::string read_member(zip_t* archive, zip_uint64_t index, const std::string& where,
                        size_t max_bytes) {
  const Member file(zip_fopen_index(archive, index, 0));
  ENSURE(file, where, "cannot be opened: ", zip_strerror(archive));
  std::string bytes;
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    const zip_int64_t count = zip_fread(file.get(), chunk.data(), chunk.size());
    ENSURE(count >= 0, where, "is damaged: ", zip_file_strerror(file.get()));
    if (count == 0) return bytes;
    ENSURE(size_t(count) <= max_bytes - bytes.size(), where,
           "unpacks to more than what is left of max_bytes, ", max_bytes, " bytes");
    bytes.append(chunk.data(), size_t(count));
  }
}

void add_member(zip_t* archive, const std::string& name, const std::string& bytes, bool compressed,
                const std::string& where) {
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  ENSURE(source, where, "cannot pack '", name, "': ", zip_strerror(archive));
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) zip_source_free(source);
  ENSURE(index >= 0, where, "cannot pack '", name, "': ", zip_strerror(archive));
  const zip_int32_t method = compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
  const bool is_set =
      zip_set_file_compression(archive, zip_uint64_t(index), method, 0) == 0 &&
      zip_file_set_dostime(archive, zip_uint64_t(index), kDosTime, kDosDate, 0) == 0;
  ENSURE(is_set, where, "cannot pack '", name, "': ", zip_strerror(archive));
}

std::string read_all(zip_source_t* source, const std::string& where) {
  std::string bytes;
  std::vector<char> chunk(kChunkBytes);
  ENSURE(zip_source_open(source) == 0, where, "cannot pack the archive");
  zip_int64_t count;
  while ((count = zip_source_read(source, chunk.data(), chunk.size())) > 0) {
    bytes.append(chunk.data(), size_t(count));
  }
  zip_source_close(source);
  ENSURE(count == 0, where, "cannot pack the archive");
  return bytes;
}

}  // namespace

StateDict parse_npz(std::string_view bytes, const std::string& name, size_t max_bytes) {
  const std::string where = str("parse_npz: ", name, ": ");
  // libzip would take nothing at all for an archive without members.
  ENSURE(!bytes.empty(), where, "the file must be a zip archive: it is empty");
  Source source;
  const Archive archive = open_archive(bytes, ZIP_RDONLY | ZIP_CHECKCONS, where, source);
  StateDict tensors;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* found = zip_get_name(archive.get(), zip_uint64_t(i), 0);
    ENSURE(found, where, "member ", i, " must have a name: ", zip_strerror(archive.get()));
    std::string key = found;
    const std::string member = str(where, "member '", key, "' ");
    ENSURE(key.ends_with(kSuffix), member, "must be an array whose name ends in .npy");
    key.resize(key.size() - kSuffix.size());
    ENSURE(!tensors.contains(key), member, "must be there once, got it twice");
    const std::string contents = read_member(archive.get(), zip_uint64_t(i), member, max_bytes);
    max_bytes -= contents.size();
    tensors.insert(key, parse_npy(contents, str(name, "/", found)));
  }
  return tensors;
}

StateDict load_npz(const std::string& path, size_t max_bytes) {
  return parse_npz(MappedFile("load_npz", path).bytes(), path, max_bytes);
}

void save_npz(const std::string& path, const StateDict& tensors, bool compressed) {
  const std::string where = str("save_npz: ", path, ": ");
  // libzip writes nothing at all for an archive without members; this is the record that ends one.
  if (tensors.is_empty()) {
    return write_file("save_npz", path, "PK\5\6" + std::string(18, '\0'));
  }
  // libzip reads the members when it closes the archive, so they must live until then.
  std::vector<std::string> members;
  for (const auto& item : tensors) members.push_back(serialize_npy(item.value(), item.key()));
  Source source;
  Archive archive = open_archive({}, ZIP_TRUNCATE, where, source);
  for (size_t i = 0; i < tensors.size(); ++i) {
    add_member(archive.get(), tensors[i].key() + std::string(kSuffix), members[i], compressed,
               where);
  }
  ENSURE(zip_close(archive.get()) == 0, where,
         "cannot pack the archive: ", zip_strerror(archive.get()));
  archive.release();
  write_file("save_npz", path, read_all(source.get(), where));
}

}  // namespace fg
