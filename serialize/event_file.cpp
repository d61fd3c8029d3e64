#include "serialize/event_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "tensor/error.h"

namespace fg {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  constexpr uint32_t kReversedPolynomial = 0x82f63b78;
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder >> 1 ^ (remainder & 1 ? kReversedPolynomial : 0);
    table[byte] = remainder;
  }
  return table;
}

/// Checksums are stored rotated and shifted, because one of data that holds its own checksum is weak:
/// tensorflow/core/lib/hash/crc32c.h.
uint32_t masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8; }

template <class T>
void append_little_endian(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc_table();
  uint32_t crc = ~uint32_t(0);
  for (const char c : bytes) crc = crc >> 8 ^ kTable[(crc ^ uint8_t(c)) & 0xff];
  return ~crc;
}

EventFile::EventFile(std::string op, std::string path, int64_t max_queue, double flush_secs)
    : op_(std::move(op)),
      path_(std::move(path)),
      max_queue_(max_queue),
      patience_(std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(std::min(flush_secs, 1e9)))) {
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(errno);
}

EventFile::~EventFile() {
  try {
    flush();
  } catch (const Error&) {
  }
  close(descriptor_);
}

void EventFile::fail(int error) {
  detail::fail(str(op_, ": cannot write ", path_, ": ", std::generic_category().message(error)));
}

void EventFile::append(std::string_view record) {
  if (num_waiting_ == 0) waiting_since_ = Clock::now();
  const size_t begin = waiting_.size();
  append_little_endian(waiting_, uint64_t(record.size()));
  append_little_endian(waiting_, masked(crc32c({waiting_.data() + begin, sizeof(uint64_t)})));
  waiting_ += record;
  append_little_endian(waiting_, masked(crc32c(record)));
  if (++num_waiting_ >= max_queue_ || Clock::now() - waiting_since_ >= patience_) flush();
}

void EventFile::flush() {
  size_t done = 0;
  while (done < waiting_.size()) {
    const ssize_t count = write(descriptor_, waiting_.data() + done, waiting_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      // Half a record in the middle of the file would make readers stop there for good.
      while (ftruncate(descriptor_, written_) != 0 && errno == EINTR) {
      }
      fail(error);
    }
    done += size_t(count);
  }
  written_ += int64_t(done);
  waiting_.clear();
  num_waiting_ = 0;
}

}  // namespace fg
