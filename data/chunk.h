// ChunkDataset: data too large for memory, read in chunks by threads that run ahead. The spelling is
// libtorch's.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "data/dataset.h"
#include "data/sampler.h"
#include "tensor/arg.h"
#include "tensor/cpu/parallel.h"

namespace fg::data::datasets {

/// Reads a data set in chunks of any number of examples. Several threads call read_chunk at once.
template <class Example, class Chunk = std::vector<Example>>
class ChunkDataReader {
 public:
  using ExampleType = Example;
  using ChunkType = Chunk;
  using BatchType = Chunk;

  virtual ~ChunkDataReader() = default;
  virtual Chunk read_chunk(size_t chunk_index) = 0;
  virtual size_t chunk_count() = 0;
  /// Called before each epoch.
  virtual void reset() = 0;
};

struct ChunkDatasetOptions {
  /// Throws unless all numbers are positive and the cache holds a batch.
  ChunkDatasetOptions(size_t preloader_count, size_t batch_size, size_t cache_size = 2048,
                      size_t cross_chunk_shuffle_count = 1);
  /// Threads that read chunks.
  FUSEGRAD_ARG(size_t, preloader_count);
  FUSEGRAD_ARG(size_t, batch_size);
  /// Reading pauses while as many examples wait to be used.
  FUSEGRAD_ARG(size_t, cache_size);
  /// Chunks that are read together, so that their examples mix.
  FUSEGRAD_ARG(size_t, cross_chunk_shuffle_count);
};

namespace detail {

/// Batches between the threads that read and those that train.
template <class Batch>
class BatchBuffer {
 public:
  BatchBuffer(size_t batch_size, size_t capacity, size_t num_readers)
      : batch_size_(batch_size), capacity_(capacity), num_readers_(num_readers) {}

  /// Waits for room; then cuts `examples`, in the order of `sampler`, into batches.
  template <class Sampler>
  void add(Batch examples, Sampler& sampler) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return num_examples_ < capacity_ || stopped_; });
    if (stopped_) return;
    sampler.reset(examples.size());
    while (const auto indices = sampler.next(batch_size_)) {
      for (const size_t index : *indices) {
        if (batches_.empty() || batches_.back().size() == batch_size_) batches_.emplace_back();
        batches_.back().push_back(std::move(examples[index]));
      }
    }
    num_examples_ += examples.size();
    changed_.notify_all();
  }
  void fail(std::exception_ptr exception) {
    const std::lock_guard lock(mutex_);
    exceptions_.push_back(std::move(exception));
    changed_.notify_all();
  }
  /// One reader less; after the last one, what is left may be given out as a smaller batch.
  void reader_done() {
    const std::lock_guard lock(mutex_);
    --num_readers_;
    changed_.notify_all();
  }
  /// The next full batch, waiting for it; nullopt at the end. Throws what a reader has thrown.
  optional<Batch> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return !exceptions_.empty() || num_readers_ == 0 ||
             (!batches_.empty() && batches_.front().size() == batch_size_);
    });
    if (!exceptions_.empty()) {
      const std::exception_ptr exception = exceptions_.front();
      exceptions_.pop_front();
      std::rethrow_exception(exception);
    }
    if (batches_.empty()) return nullopt;
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    num_examples_ -= batch.size();
    changed_.notify_all();
    return batch;
  }
  /// Lets waiting readers go.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  const size_t batch_size_, capacity_;
  size_t num_readers_;
  size_t num_examples_ = 0;
  bool stopped_ = false;
  std::deque<Batch> batches_;
  std::deque<std::exception_ptr> exceptions_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace detail

/// Gives batches of a ChunkDataReader's examples: chunks in the order of one sampler, the examples of a
/// chunk (or of cross_chunk_shuffle_count of them) in that of another. It holds threads and cannot be
/// copied: wrap it with make_shared_dataset. With several readers the order of the chunks is a matter
/// of chance; with one and samplers that have their own Generator it is reproducible.
template <class ChunkReader, class ChunkSampler = samplers::RandomSampler,
          class ExampleSampler = samplers::RandomSampler>
class ChunkDataset : public StatefulDataset<ChunkDataset<ChunkReader, ChunkSampler, ExampleSampler>,
                                            typename ChunkReader::BatchType, size_t> {
 public:
  using Batch = typename ChunkReader::BatchType;
  using ChunkSamplerType = ChunkSampler;
  using ExampleSamplerType = ExampleSampler;

  /// `preprocessing` may change the examples of a chunk before they are cut into batches.
  ChunkDataset(ChunkReader reader, ChunkSampler chunk_sampler, ExampleSampler example_sampler,
               ChunkDatasetOptions options, std::function<void(Batch&)> preprocessing = {})
      : reader_(std::move(reader)),
        chunk_sampler_(std::move(chunk_sampler)),
        example_sampler_(std::move(example_sampler)),
        options_(options),
        preprocessing_(std::move(preprocessing)) {}
  ~ChunkDataset() override { stop(); }

  optional<Batch> get_batch(size_t batch_size) override {
    ENSURE(buffer_, "Dataset needs to call reset() before calling get_batch().");
    ENSURE(batch_size == options_.batch_size(),
           "The requested batch size does not match with the initialized batch size.\n"
           " The requested batch size is ",
           batch_size, ", while the dataset is created with batch size equal to ",
           options_.batch_size());
    return buffer_->take();
  }
  /// Unknown before all is read.
  optional<size_t> size() const override { return nullopt; }
  /// Starts an epoch: the readers begin at once.
  void reset() override {
    stop();
    reader_.reset();
    chunk_sampler_.reset(reader_.chunk_count());
    buffer_ = std::make_unique<detail::BatchBuffer<Batch>>(
        options_.batch_size(), options_.cache_size(), options_.preloader_count());
    for (size_t i = 0; i < options_.preloader_count(); ++i) {
      readers_.emplace_back([this] { read_chunks(); });
    }
  }
  ChunkSampler& chunk_sampler() { return chunk_sampler_; }

 private:
  void stop() {
    {
      const std::lock_guard lock(sampler_mutex_);
      stopping_ = true;
    }
    if (buffer_) buffer_->stop();
    for (std::thread& reader : readers_) reader.join();
    readers_.clear();
    stopping_ = false;
  }
  optional<std::vector<size_t>> next_chunks() {
    const std::lock_guard lock(sampler_mutex_);
    if (stopping_) return nullopt;
    return chunk_sampler_.next(options_.cross_chunk_shuffle_count());
  }
  void read_chunks() {
    fg::cpu::is_worker_thread = true;
    while (const auto chunks = next_chunks()) {
      try {
        Batch examples;
        for (const size_t chunk : *chunks) {
          Batch more = reader_.read_chunk(chunk);
          examples.insert(examples.end(), std::make_move_iterator(more.begin()),
                          std::make_move_iterator(more.end()));
        }
        if (preprocessing_) preprocessing_(examples);
        // The buffer's lock guards the sampler, too.
        if (!examples.empty()) buffer_->add(std::move(examples), example_sampler_);
      } catch (...) {
        buffer_->fail(std::current_exception());
      }
    }
    buffer_->reader_done();
  }

  ChunkReader reader_;
  ChunkSampler chunk_sampler_;
  ExampleSampler example_sampler_;
  const ChunkDatasetOptions options_;
  const std::function<void(Batch&)> preprocessing_;
  std::unique_ptr<detail::BatchBuffer<Batch>> buffer_;
  std::vector<std::thread> readers_;
  std::mutex sampler_mutex_;
  bool stopping_ = false;
};

}  // namespace fg::data::datasets
