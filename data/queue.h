// What passes between the main thread and the workers of a loader.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <queue>
#include <vector>

#include "tensor/array_ref.h"

namespace fg::data::detail {

/// A first-in-first-out queue between threads.
template <class T>
class Queue {
 public:
  void push(T value) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push(std::move(value));
    }
    not_empty_.notify_one();
  }
  /// Waits for a value; throws fg::Error when none has come after `timeout`.
  T pop(optional<std::chrono::milliseconds> timeout = nullopt) {
    std::unique_lock lock(mutex_);
    const auto has_value = [this] { return !queue_.empty(); };
    if (timeout) {
      ENSURE(not_empty_.wait_for(lock, *timeout, has_value),
             "Timeout in DataLoader queue while waiting for next batch (timeout was ",
             timeout->count(), " ms)");
    } else {
      not_empty_.wait(lock, has_value);
    }
    T value = std::move(queue_.front());
    queue_.pop();
    return value;
  }
  /// Drops every value and returns how many there were.
  size_t clear() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queue_, {}).size();
  }

 private:
  std::queue<T> queue_;
  std::mutex mutex_;
  std::condition_variable not_empty_;
};

/// Jobs to the workers, results back. All but pop_job and push_result belong to the main thread.
template <class Job, class Result>
class DataShuttle {
 public:
  void push_job(Job job) {
    jobs_.push(std::move(job));
    ++in_flight_jobs_;
  }
  void push_result(Result result) { results_.push(std::move(result)); }
  Job pop_job() { return jobs_.pop(); }
  /// The next result, or nullopt when no job is under way.
  optional<Result> pop_result(optional<std::chrono::milliseconds> timeout = nullopt) {
    if (in_flight_jobs_ == 0) return nullopt;
    optional<Result> result = results_.pop(timeout);
    --in_flight_jobs_;
    return result;
  }
  /// Takes back the jobs that nobody has begun and waits for the others.
  void drain() {
    in_flight_jobs_ -= jobs_.clear();
    while (in_flight_jobs_ > 0) pop_result();
  }
  size_t in_flight_jobs() const noexcept { return in_flight_jobs_; }

 private:
  Queue<Job> jobs_;
  Queue<Result> results_;
  size_t in_flight_jobs_ = 0;
};

/// In which order results reach the user. `Result` has a field sequence_number.
namespace sequencers {

template <class Result>
class Sequencer {
 public:
  using ResultProducer = std::function<optional<Result>()>;
  virtual ~Sequencer() = default;
  virtual optional<Result> next(ResultProducer next_result) = 0;
};

/// As they come.
template <class Result>
class NoSequencer final : public Sequencer<Result> {
 public:
  optional<Result> next(std::function<optional<Result>()> next_result) override {
    return next_result();
  }
};

/// By sequence number. At most `max_jobs` results are ahead of the one that is due.
template <class Result>
class OrderedSequencer final : public Sequencer<Result> {
 public:
  explicit OrderedSequencer(size_t max_jobs) : early_(max_jobs) {}
  optional<Result> next(std::function<optional<Result>()> next_result) override {
    if (auto& waiting = slot(next_number_)) {
      ++next_number_;
      return std::exchange(waiting, nullopt);
    }
    while (true) {
      optional<Result> result = next_result();
      if (!result) return nullopt;
      if (result->sequence_number == next_number_) {
        ++next_number_;
        return result;
      }
      slot(result->sequence_number) = std::move(result);
    }
  }

 private:
  optional<Result>& slot(size_t number) { return early_[number % early_.size()]; }

  size_t next_number_ = 0;
  std::vector<optional<Result>> early_;
};

}  // namespace sequencers
}  // namespace fg::data::detail
