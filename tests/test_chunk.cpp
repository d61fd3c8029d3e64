// ChunkDataset: every example once, full batches, bounded reading ahead, errors of readers, shutdown.
#include <algorithm>
#include <atomic>
#include <numeric>

#include <doctest/doctest.h>

#include "data/chunk.h"
#include "data/loader.h"

using namespace fg;
using namespace fg::data;
using namespace std::chrono_literals;

namespace {

std::atomic<int> num_chunks_read;

/// Chunk i holds i + 1 consecutive numbers: 0, 1 2, 3 4 5, ...
struct Triangle : datasets::ChunkDataReader<int> {
  explicit Triangle(size_t num_chunks) : count(num_chunks) {}
  std::vector<int> read_chunk(size_t index) override {
    ++num_chunks_read;
    if (index == broken) throw std::runtime_error("broken chunk");
    std::vector<int> chunk(index + 1);
    std::iota(chunk.begin(), chunk.end(), int(index * (index + 1) / 2));
    return chunk;
  }
  size_t chunk_count() override { return count; }
  void reset() override {}
  size_t count;
  size_t broken = size_t(-1);
};

using Sequential = samplers::SequentialSampler;
using Ordered = datasets::ChunkDataset<Triangle, Sequential, Sequential>;
using Shuffled = datasets::ChunkDataset<Triangle>;

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// All examples of an epoch; every batch but the last must be full.
template <class Dataset>
std::vector<int> epoch_of(Dataset& dataset, size_t batch_size) {
  std::vector<int> all;
  dataset.reset();
  bool is_last = false;
  while (auto batch = dataset.get_batch(batch_size)) {
    CHECK_FALSE(is_last);
    is_last = batch->size() < batch_size;
    all.insert(all.end(), batch->begin(), batch->end());
  }
  return all;
}

}  // namespace

TEST_CASE("A chunk dataset gives each example once") {
  Ordered ordered(Triangle(7), Sequential(0), Sequential(0), {1, 4});
  for (int epoch = 0; epoch < 2; ++epoch) CHECK(epoch_of(ordered, 4) == iota(28));
  for (const size_t num_readers : {1, 3}) {
    for (const size_t mixed : {1, 2, 10}) {
      CAPTURE(num_readers);
      CAPTURE(mixed);
      Shuffled shuffled(Triangle(7), samplers::RandomSampler(0), samplers::RandomSampler(0),
                        {num_readers, 5, 10, mixed});
      std::vector<int> all = epoch_of(shuffled, 5);
      CHECK(all != iota(28));
      std::sort(all.begin(), all.end());
      CHECK(all == iota(28));
    }
  }
  Ordered none(Triangle(0), Sequential(0), Sequential(0), {2, 4});
  CHECK(epoch_of(none, 4).empty());
}

TEST_CASE("A loader goes over a shared chunk dataset") {
  auto dataset = datasets::make_shared_dataset<Shuffled>(Triangle(7), samplers::RandomSampler(0),
                                                         samplers::RandomSampler(0),
                                                         datasets::ChunkDatasetOptions(2, 5));
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader(dataset, DataLoaderOptions(5).workers(workers));
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::vector<int> all;
      for (auto& batch : *loader) all.insert(all.end(), batch.begin(), batch.end());
      std::sort(all.begin(), all.end());
      CHECK(all == iota(28));
    }
  }
}

TEST_CASE("Preprocessing sees whole chunks") {
  Ordered dataset(Triangle(4), Sequential(0), Sequential(0), {1, 3},
                  [](std::vector<int>& chunk) { std::reverse(chunk.begin(), chunk.end()); });
  CHECK(epoch_of(dataset, 3) == std::vector<int>{0, 2, 1, 5, 4, 3, 9, 8, 7, 6});
}

TEST_CASE("Reading ahead stops at the cache's size") {
  num_chunks_read = 0;
  Ordered dataset(Triangle(100), Sequential(0), Sequential(0), {1, 2, 10});
  dataset.reset();
  const auto wait_for = [](int count) {
    for (int i = 0; i < 200 && num_chunks_read < count; ++i) std::this_thread::sleep_for(5ms);
    std::this_thread::sleep_for(20ms);
    return num_chunks_read.load();
  };
  // 1 + 2 + 3 + 4 examples fill the cache; the fifth chunk is read and waits.
  CHECK(wait_for(5) == 5);
  CHECK(*dataset.get_batch(2) == std::vector<int>{0, 1});
  CHECK(wait_for(6) == 6);
  // Going out of scope ends the reader that waits.
}

TEST_CASE("A reader's exception reaches the user, who may go on") {
  Triangle reader(3);
  reader.broken = 1;
  Ordered dataset(reader, Sequential(0), Sequential(0), {1, 4});
  dataset.reset();
  CHECK_THROWS_WITH_AS(dataset.get_batch(4), "broken chunk", std::runtime_error);
  CHECK(*dataset.get_batch(4) == std::vector<int>{0, 3, 4, 5});
  CHECK_FALSE(dataset.get_batch(4));
}

TEST_CASE("Chunk dataset errors") {
  Ordered dataset(Triangle(3), Sequential(0), Sequential(0), {1, 5});
  CHECK_THROWS_WITH_AS(dataset.get_batch(5),
                       "Dataset needs to call reset() before calling get_batch().", Error);
  dataset.reset();
  CHECK_THROWS_WITH_AS(dataset.get_batch(6),
                       "The requested batch size does not match with the initialized batch size.\n"
                       " The requested batch size is 6, while the dataset is created with batch "
                       "size equal to 5",
                       Error);
  using Options = datasets::ChunkDatasetOptions;
  CHECK_THROWS_WITH_AS(
      Options(0, 1), "Preloader count is 0. At least one preloader needs to be specified.", Error);
  CHECK_THROWS_WITH_AS(Options(1, 0),
                       "Batch size is 0. A positive batch size needs to be specified.", Error);
  CHECK_THROWS_WITH_AS(Options(1, 1, 0),
                       "Cache size is 0. A positive cache size needs to be specified.", Error);
  CHECK_THROWS_WITH_AS(Options(1, 5, 4),
                       "Cache size is less than batch size. Cache needs to be large enough to hold "
                       "at least one batch.",
                       Error);
  CHECK_THROWS_WITH_AS(Options(1, 5, 10, 0),
                       "cross_chunk_shuffle_count needs to be greater than 0.", Error);
}
