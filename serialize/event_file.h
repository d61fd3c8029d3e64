// EventFile: the records of a TensorBoard file, appended to so that a crash harms none that was written.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace fg {

/// The checksum CRC-32C (Castagnoli), which storage formats use; zlib has another polynomial.
uint32_t crc32c(std::string_view bytes);

/// A new file of records, each framed by its length and by checksums (the TFRecord format). Records are kept
/// until `max_queue` of them wait or the oldest has waited for `flush_secs` when the next one comes, then
/// written in one piece. A write that fails takes back what it wrote in part: the file always ends with a
/// whole record. What a killed program has flushed is there. Not thread-safe.
class EventFile {
 public:
  /// Errors begin with `op` and name the path and the system's reason.
  EventFile(std::string op, std::string path, int64_t max_queue, double flush_secs);
  /// Flushes; a failure is lost here, so call flush() first.
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void append(std::string_view record);
  /// Hands everything to the system. Throws when that fails; what waits then goes on waiting.
  void flush();
  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(int error);

  using Clock = std::chrono::steady_clock;
  const std::string op_, path_;
  const int64_t max_queue_;
  const Clock::duration patience_;
  int descriptor_ = -1;
  int64_t written_ = 0;  // bytes in the file
  int64_t num_waiting_ = 0;
  std::string waiting_;
  Clock::time_point waiting_since_;
};

}  // namespace fg
