// What all data loaders share: options, iteration, the worker threads.
#pragma once

#include <exception>
#include <iterator>
#include <memory>
#include <thread>

#include "data/pin_memory.h"
#include "data/queue.h"
#include "tensor/arg.h"
#include "tensor/cpu/parallel.h"
#include "tensor/profiler.h"

namespace fg::data {

/// How a loader works; what is not set is derived (see FullDataLoaderOptions).
struct DataLoaderOptions {
  DataLoaderOptions() = default;
  /*implicit*/ DataLoaderOptions(size_t batch_size) : batch_size_(batch_size) {}
  /// Examples per batch.
  FUSEGRAD_ARG(size_t, batch_size) = 1;
  /// Threads that load ahead; 0 loads in the thread that iterates.
  FUSEGRAD_ARG(size_t, workers) = 0;
  /// Batches that are under way at once; default twice the workers.
  FUSEGRAD_ARG(optional<size_t>, max_jobs);
  /// How long to wait for a worker before the iteration throws.
  FUSEGRAD_ARG(optional<std::chrono::milliseconds>, timeout);
  /// Whether batches come in the sampler's order whichever worker is done first.
  FUSEGRAD_ARG(bool, enforce_ordering) = true;
  /// Whether a last batch of fewer examples is left out.
  FUSEGRAD_ARG(bool, drop_last) = false;
  /// Whether batches lie in page-locked memory, so that `batch.to(kCUDA, true)` does not block.
  FUSEGRAD_ARG(bool, pin_memory) = false;
};

/// DataLoaderOptions with nothing left open. Throws when batch_size is 0, or max_jobs with workers is.
struct FullDataLoaderOptions {
  explicit FullDataLoaderOptions(const DataLoaderOptions& options);
  size_t batch_size;
  size_t workers;
  size_t max_jobs;
  optional<std::chrono::milliseconds> timeout;
  bool enforce_ordering;
  bool drop_last;
  bool pin_memory;
};

/// What a worker's exception becomes in the thread that iterates.
struct WorkerException : public Error {
  explicit WorkerException(std::exception_ptr original);
  std::exception_ptr original_exception;
};

/// Goes over the batches of one epoch. Copies share their place.
template <class Batch>
class Iterator {
 public:
  using difference_type = std::ptrdiff_t;
  using value_type = Batch;
  using pointer = Batch*;
  using reference = Batch&;
  using iterator_category = std::input_iterator_tag;

  /// The end.
  Iterator() = default;
  explicit Iterator(std::function<optional<Batch>()> next)
      : state_(std::make_shared<State>(State{std::move(next), nullopt, false})) {}

  Iterator& operator++() {
    ENSURE(!at_end(), "Attempted to increment an iterator past the end of the DataLoader");
    state_->batch = state_->next();
    return *this;
  }
  Batch& operator*() const {
    ENSURE(!at_end(), "Attempted to dereference an iterator past the end of the DataLoader");
    return *state_->batch;
  }
  Batch* operator->() const { return &**this; }
  bool operator==(const Iterator& other) const {
    return state_ == other.state_ || (at_end() && other.at_end());
  }

 private:
  struct State {
    std::function<optional<Batch>()> next;
    optional<Batch> batch;
    bool started;
  };
  /// The first batch is fetched here, not by begin(), so that begin() itself never waits.
  bool at_end() const {
    if (!state_) return true;
    if (!std::exchange(state_->started, true)) state_->batch = state_->next();
    return !state_->batch;
  }
  std::shared_ptr<State> state_;
};

/// What all loaders share: the workers and the iteration.
template <class Dataset, class Batch, class BatchRequest>
class DataLoaderBase {
 public:
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;

  DataLoaderBase(const DataLoaderOptions& options, std::unique_ptr<Dataset> main_thread_dataset)
      : options_(options), main_thread_dataset_(std::move(main_thread_dataset)) {
    sequencer_ = new_sequencer();
  }
  virtual ~DataLoaderBase() { join(); }
  DataLoaderBase(const DataLoaderBase&) = delete;

  /// Starts an epoch (or goes on with one that was loaded); one iteration at a time.
  Iterator<Batch> begin() {
    ENSURE(!joined_, "DataLoader: begin() must not be called after join()");
    ENSURE(
        shuttle_.in_flight_jobs() == 0,
        "Attempted to get a new DataLoader iterator while another iterator is not yet exhausted");
    num_jobs_ = 0;
    sequencer_ = new_sequencer();
    start_epoch();
    for (size_t i = 0; i < options_.max_jobs; ++i) prefetch();
    return Iterator<Batch>([this] { return next(); });
  }
  Iterator<Batch> end() { return {}; }
  /// Ends the workers after the batches that they have begun. The destructor calls it.
  void join() {
    if (joined_) return;
    shuttle_.drain();
    for (size_t i = 0; i < workers_.size(); ++i) shuttle_.push_job({0, nullopt});
    for (std::thread& worker : workers_) worker.join();
    joined_ = true;
  }
  const FullDataLoaderOptions& options() const noexcept { return options_; }

 protected:
  struct Job {
    size_t sequence_number;
    optional<BatchRequest> request;  // none: the worker may go
  };
  struct Result {
    size_t sequence_number;
    optional<Batch> batch;
    std::exception_ptr exception;
  };

  virtual void start_epoch() = 0;
  virtual optional<BatchRequest> next_request() = 0;
  /// Called with each batch that the user gets, and at the end of the epoch with false.
  virtual void note_delivery(bool /*has_batch*/) {}

  void run_worker(Dataset& dataset) {
    cpu::is_worker_thread = true;
    while (true) {
      Job job = shuttle_.pop_job();
      if (!job.request) return;
      Result result{job.sequence_number, nullopt, nullptr};
      try {
        result.batch = load(dataset, std::move(*job.request));
      } catch (...) {
        result.exception = std::current_exception();
      }
      shuttle_.push_result(std::move(result));
    }
  }

  FullDataLoaderOptions options_;
  std::unique_ptr<Dataset> main_thread_dataset_;
  std::vector<std::thread> workers_;

 private:
  optional<Batch> load(Dataset& dataset, BatchRequest request) const {
    const profiler::record_function range("DataLoader.get_batch");
    optional<Batch> batch = dataset.get_batch(std::move(request));
    if (batch && options_.pin_memory) batch = data::pin_memory(std::move(*batch));
    return batch;
  }

  std::unique_ptr<detail::sequencers::Sequencer<Result>> new_sequencer() const {
    using namespace detail::sequencers;
    if (!options_.enforce_ordering) return std::make_unique<NoSequencer<Result>>();
    return std::make_unique<OrderedSequencer<Result>>(options_.max_jobs);
  }
  void prefetch() {
    if (options_.workers == 0) return;
    if (auto request = next_request()) shuttle_.push_job({num_jobs_++, std::move(request)});
  }
  optional<Batch> next() {
    const profiler::record_function range("DataLoader.next");
    optional<Batch> batch = options_.workers > 0 ? next_of_workers() : next_here();
    note_delivery(batch.has_value());
    return batch;
  }
  optional<Batch> next_here() {
    auto request = next_request();
    if (!request) return nullopt;
    return load(*main_thread_dataset_, std::move(*request));
  }
  optional<Batch> next_of_workers() {
    const auto pop = [this] { return shuttle_.pop_result(options_.timeout); };
    while (optional<Result> result = sequencer_->next(pop)) {
      if (result->exception) throw WorkerException(result->exception);
      if (result->batch) {
        prefetch();
        return std::move(result->batch);
      }
    }
    return nullopt;
  }

  size_t num_jobs_ = 0;
  detail::DataShuttle<Job, Result> shuttle_;
  std::unique_ptr<detail::sequencers::Sequencer<Result>> sequencer_;
  bool joined_ = false;
};

}  // namespace fg::data
