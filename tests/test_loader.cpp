// Samplers, queues and the data loader: order, workers, errors, shutdown, and going on where it stopped.
#include <atomic>
#include <numeric>
#include <set>

#include <doctest/doctest.h>

#include "data/loader.h"

using namespace fg;
using namespace fg::data;
using namespace std::chrono_literals;

namespace {

using Indices = std::vector<size_t>;

/// Example i is the number i.
struct Numbers : datasets::Dataset<Numbers, int> {
  explicit Numbers(size_t size) : count(size) {}
  int get(size_t index) override { return int(index); }
  optional<size_t> size() const override { return count; }
  size_t count;
};

/// Later batches are ready sooner.
struct Uneven : datasets::Dataset<Uneven, int> {
  int get(size_t index) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(index % 4 == 0 ? 20 : 1));
    return int(index);
  }
  optional<size_t> size() const override { return 16; }
};

template <class Loader>
std::vector<int> all_of(Loader& loader) {
  std::vector<int> all;
  for (auto& batch : loader) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

Indices all_of_sampler(samplers::Sampler<>& sampler, size_t batch_size) {
  Indices all;
  while (const auto batch = sampler.next(batch_size))
    all.insert(all.end(), batch->begin(), batch->end());
  return all;
}

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

}  // namespace

TEST_CASE("SequentialSampler") {
  samplers::SequentialSampler sampler(5);
  CHECK(*sampler.next(2) == Indices{0, 1});
  CHECK(sampler.index() == 2);
  CHECK(*sampler.next(7) == Indices{2, 3, 4});
  CHECK_FALSE(sampler.next(2));
  sampler.reset(2);
  CHECK(*sampler.next(7) == Indices{0, 1});
  CHECK_FALSE(sampler.next(2));
}

TEST_CASE("RandomSampler gives each index once, as randperm draws them") {
  manual_seed(5);
  const Tensor first = randperm(10), second = randperm(10);
  manual_seed(5);
  samplers::RandomSampler sampler(10);
  const auto matches = [&](const Tensor& expected) {
    const Indices all = all_of_sampler(sampler, 3);
    return std::equal(all.begin(), all.end(), expected.data_ptr<int64_t>(),
                      expected.data_ptr<int64_t>() + 10);
  };
  CHECK(matches(first));
  CHECK(sampler.index() == 10);
  sampler.reset();
  CHECK(matches(second));

  Generator generator;
  generator.manual_seed(5);
  sampler = samplers::RandomSampler(10, generator);
  CHECK(matches(first));
  const Tensor untouched = randperm(10);
  manual_seed(5);
  randperm(10), randperm(10);
  CHECK(randperm(10).equal(untouched));
  CHECK_THROWS_WITH_AS(samplers::RandomSampler(-1),
                       "RandomSampler: size must not be negative, got -1", Error);
}

TEST_CASE("StreamSampler gives sizes") {
  samplers::StreamSampler sampler(5);
  CHECK(size_t(*sampler.next(3)) == 3);
  CHECK(sampler.next(3)->size() == 2);
  CHECK_FALSE(sampler.next(3));
}

TEST_CASE_TEMPLATE("Distributed samplers share out all examples", Sampler,
                   samplers::DistributedRandomSampler, samplers::DistributedSequentialSampler) {
  for (const bool allow_duplicates : {true, false}) {
    std::multiset<size_t> seen;
    for (size_t rank = 0; rank < 3; ++rank) {
      Sampler sampler(10, 3, rank, allow_duplicates);
      const Indices share = all_of_sampler(sampler, 2);
      CHECK(share.size() == (allow_duplicates ? 4 : 3));
      seen.insert(share.begin(), share.end());
    }
    const std::set<size_t> distinct(seen.begin(), seen.end());
    CHECK(distinct.size() == (allow_duplicates ? 10 : 9));
    CHECK(*distinct.rbegin() < 10);
  }
  CHECK_THROWS_WITH_AS(Sampler(10, 2, 2),
                       "DistributedSampler: rank must be below num_replicas = 2, got 2", Error);
}

TEST_CASE("DistributedRandomSampler shuffles by epoch") {
  samplers::DistributedRandomSampler sampler(100);
  const Indices first = all_of_sampler(sampler, 10);
  sampler.reset();
  CHECK(all_of_sampler(sampler, 10) == first);
  sampler.set_epoch(1);
  sampler.reset();
  CHECK(all_of_sampler(sampler, 10) != first);
}

TEST_CASE_TEMPLATE("Samplers go on where they were saved", Sampler, samplers::SequentialSampler,
                   samplers::RandomSampler, samplers::DistributedRandomSampler,
                   samplers::DistributedSequentialSampler) {
  Sampler sampler(10);
  sampler.next(3);
  const StateDict state = sampler.state_dict();
  const Indices rest = all_of_sampler(sampler, 2);
  CHECK(rest.size() == 7);
  Sampler other(10);
  other.load_state_dict(state);
  CHECK(all_of_sampler(other, 2) == rest);
  CHECK_THROWS_AS(Sampler(11).load_state_dict(state), Error);
  StateDict broken = state;
  broken["index"] = scalar_tensor(int64_t{11}, kLong);
  CHECK_THROWS_AS(other.load_state_dict(broken), Error);
}

TEST_CASE("Samplers refuse a damaged state") {
  samplers::SequentialSampler sequential(4);
  StateDict state = sequential.state_dict();
  state["index"] = scalar_tensor(int64_t{-1}, kLong);
  CHECK_THROWS_WITH_AS(sequential.load_state_dict(state),
                       "SequentialSampler: index of the saved state must be in [0, 4], got -1",
                       Error);
  CHECK_THROWS_WITH_AS(samplers::SequentialSampler(5).load_state_dict(state),
                       "SequentialSampler: the saved state must be one of 5 examples, got one of 4",
                       Error);
  samplers::RandomSampler random(3);
  state = random.state_dict();
  state["indices"] = fg::tensor({0, 1, 1});
  CHECK_THROWS_WITH_AS(random.load_state_dict(state),
                       "RandomSampler: indices of the saved state must be a permutation of 0..2, "
                       "got 1 at position 2",
                       Error);
  state["indices"] = fg::tensor({0, 1});
  CHECK_THROWS_WITH_AS(random.load_state_dict(state),
                       "RandomSampler: indices of the saved state must be Long [3], got Long [2]",
                       Error);
}

TEST_CASE("Queue") {
  data::detail::Queue<int> queue;
  queue.push(1);
  queue.push(2);
  CHECK(queue.pop() == 1);
  CHECK(queue.clear() == 1);
  CHECK_THROWS_WITH_AS(
      queue.pop(10ms),
      "Timeout in DataLoader queue while waiting for next batch (timeout was 10 ms)", Error);
  std::thread producer([&] {
    std::this_thread::sleep_for(20ms);
    queue.push(123);
  });
  CHECK(queue.pop() == 123);
  producer.join();
}

TEST_CASE("DataShuttle counts what is under way") {
  data::detail::DataShuttle<int, int> shuttle;
  CHECK_FALSE(shuttle.pop_result());
  shuttle.push_job(1);
  shuttle.push_job(2);
  CHECK(shuttle.in_flight_jobs() == 2);
  CHECK(shuttle.pop_job() == 1);
  shuttle.push_result(10);
  shuttle.drain();
  CHECK(shuttle.in_flight_jobs() == 0);
  CHECK_FALSE(shuttle.pop_result());
}

TEST_CASE("OrderedSequencer restores the order") {
  struct Numbered {
    size_t sequence_number;
  };
  const std::vector<size_t> arrivals = {2, 0, 1, 5, 3, 4};
  size_t next = 0;
  const auto producer = [&]() -> optional<Numbered> {
    if (next == arrivals.size()) return nullopt;
    return Numbered{arrivals[next++]};
  };
  data::detail::sequencers::OrderedSequencer<Numbered> ordered(3);
  for (size_t i = 0; i < 6; ++i) CHECK(ordered.next(producer)->sequence_number == i);
  CHECK_FALSE(ordered.next(producer));
  next = 0;
  data::detail::sequencers::NoSequencer<Numbered> as_they_come;
  for (size_t i = 0; i < 6; ++i) CHECK(as_they_come.next(producer)->sequence_number == arrivals[i]);
}

TEST_CASE("A loader gives every batch, with or without workers") {
  for (const size_t workers : {0, 1, 3}) {
    CAPTURE(workers);
    auto loader = make_data_loader<samplers::SequentialSampler>(
        Numbers(10), DataLoaderOptions(4).workers(workers));
    for (int epoch = 0; epoch < 3; ++epoch) CHECK(all_of(*loader) == iota(10));
    std::vector<size_t> sizes;
    for (auto& batch : *loader) sizes.push_back(batch.size());
    CHECK(sizes == std::vector<size_t>{4, 4, 2});

    auto whole = make_data_loader<samplers::SequentialSampler>(
        Numbers(10), DataLoaderOptions(4).workers(workers).drop_last(true));
    CHECK(all_of(*whole) == iota(8));
    auto empty = make_data_loader(Numbers(0), DataLoaderOptions(4).workers(workers));
    CHECK(all_of(*empty).empty());
  }
}

TEST_CASE("A loader shuffles unless told otherwise") {
  manual_seed(0);
  auto loader = make_data_loader(Numbers(50), 8);
  std::vector<int> first = all_of(*loader), second = all_of(*loader);
  CHECK(first != second);
  CHECK(first != iota(50));
  std::sort(first.begin(), first.end());
  CHECK(first == iota(50));
}

TEST_CASE("Workers keep the order only when asked") {
  for (const bool enforce_ordering : {true, false}) {
    auto loader = make_data_loader(
        Uneven(), samplers::SequentialSampler(16),
        DataLoaderOptions(1).workers(4).max_jobs(8).enforce_ordering(enforce_ordering));
    std::vector<int> all = all_of(*loader);
    CHECK((all == iota(16)) == enforce_ordering);
    std::sort(all.begin(), all.end());
    CHECK(all == iota(16));
  }
}

TEST_CASE("Workers load ahead, max_jobs batches and no more") {
  static std::atomic<int> num_loaded;
  struct Counting : Numbers {
    using Numbers::Numbers;
    std::vector<int> get_batch(ArrayRef<size_t> indices) override {
      ++num_loaded;
      return Numbers::get_batch(indices);
    }
  };
  num_loaded = 0;
  using CountingData = datasets::SharedBatchDataset<Counting>;
  auto loader = make_data_loader<samplers::SequentialSampler>(
      CountingData(std::make_shared<Counting>(100)), DataLoaderOptions(1).workers(2).max_jobs(5));
  const auto wait_for = [](int count) {
    for (int i = 0; i < 200 && num_loaded < count; ++i) std::this_thread::sleep_for(5ms);
    std::this_thread::sleep_for(20ms);
    return num_loaded.load();
  };
  auto iterator = loader->begin();
  CHECK(wait_for(5) == 5);
  CHECK(iterator->front() == 0);
  CHECK(wait_for(6) == 6);
}

TEST_CASE("Ops of a worker stay in its thread") {
  struct Parallel : datasets::Dataset<Parallel, bool> {
    bool get(size_t) override {
      std::atomic<bool> alone = true;
      const auto caller = std::this_thread::get_id();
      cpu::parallel_for(0, 1000, 1, [&](int64_t, int64_t) {
        if (std::this_thread::get_id() != caller) alone = false;
      });
      return alone;
    }
    optional<size_t> size() const override { return 8; }
  };
  const int num_threads = get_num_threads();
  set_num_threads(4);
  CHECK_FALSE(Parallel().get(0));
  auto loader = make_data_loader(Parallel(), DataLoaderOptions(1).workers(2));
  for (auto& batch : *loader) CHECK(batch.front());
  set_num_threads(num_threads);
}

TEST_CASE("Iterators") {
  auto loader = make_data_loader<samplers::SequentialSampler>(Numbers(3), 2);
  auto iterator = loader->begin();
  CHECK(iterator != loader->end());
  CHECK(iterator == iterator);
  CHECK(*iterator == std::vector<int>{0, 1});
  CHECK(iterator->size() == 2);
  ++iterator;
  CHECK(iterator->size() == 1);
  ++iterator;
  CHECK(iterator == loader->end());
  CHECK_THROWS_WITH_AS(++iterator,
                       "Attempted to increment an iterator past the end of the DataLoader", Error);
  CHECK_THROWS_WITH_AS(
      *iterator, "Attempted to dereference an iterator past the end of the DataLoader", Error);
}

TEST_CASE("One iteration at a time") {
  auto loader = make_data_loader(Numbers(100), DataLoaderOptions(1).workers(2));
  auto iterator = loader->begin();
  CHECK_THROWS_WITH_AS(
      loader->begin(),
      "Attempted to get a new DataLoader iterator while another iterator is not yet exhausted",
      Error);
  loader->join();
  CHECK_THROWS_WITH_AS(loader->begin(), "DataLoader: begin() must not be called after join()",
                       Error);
}

TEST_CASE("A worker's exception reaches the user") {
  struct Broken : datasets::Dataset<Broken, int> {
    int get(size_t index) override {
      if (index == 3) throw std::invalid_argument("badness");
      return int(index);
    }
    optional<size_t> size() const override { return 100; }
  };
  auto loader =
      make_data_loader<samplers::SequentialSampler>(Broken(), DataLoaderOptions(1).workers(2));
  int num_batches = 0;
  try {
    for (auto& batch : *loader) num_batches += int(batch.size());
    FAIL_CHECK("no exception");
  } catch (const WorkerException& error) {
    CHECK(error.what() ==
          std::string("Caught exception in DataLoader worker thread. Original message: badness"));
    CHECK_THROWS_AS(std::rethrow_exception(error.original_exception), std::invalid_argument);
  }
  CHECK(num_batches == 3);
  auto here = make_data_loader<samplers::SequentialSampler>(Broken(), 1);
  CHECK_THROWS_AS(all_of(*here), std::invalid_argument);
}

TEST_CASE("A worker that takes too long") {
  struct Slow : datasets::Dataset<Slow, int> {
    int get(size_t) override {
      std::this_thread::sleep_for(100ms);
      return 0;
    }
    optional<size_t> size() const override { return 2; }
  };
  auto loader = make_data_loader(Slow(), DataLoaderOptions(1).workers(1).timeout(5ms));
  auto iterator = loader->begin();
  CHECK_THROWS_WITH_AS(
      *iterator, "Timeout in DataLoader queue while waiting for next batch (timeout was 5 ms)",
      Error);
}

TEST_CASE("Loader options are checked") {
  CHECK_THROWS_WITH_AS(make_data_loader(Numbers(3), 0),
                       "DataLoader: batch_size must be positive, got 0", Error);
  CHECK_THROWS_WITH_AS(make_data_loader(Numbers(3), DataLoaderOptions().workers(1).max_jobs(0)),
                       "DataLoader: max_jobs must be positive with workers, got 0", Error);
  struct Unsized : Numbers {
    Unsized() : Numbers(3) {}
    optional<size_t> size() const override { return nullopt; }
  };
  CHECK_THROWS_WITH_AS(make_data_loader(Unsized()),
                       "Expected the dataset to be sized in order to construct the Sampler", Error);
}

TEST_CASE("A stateful dataset is asked until it has no more") {
  struct Countdown : datasets::StatefulDataset<Countdown, std::vector<int>> {
    optional<std::vector<int>> get_batch(size_t size) override {
      const std::lock_guard lock(*mutex);
      if (left == 0) return nullopt;
      const size_t count = std::min(size, left);
      left -= count;
      return std::vector<int>(count, int(left));
    }
    optional<size_t> size() const override { return 7; }
    void reset() override { left = 7; }
    size_t left = 0;
    std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();
  };
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader(Countdown(), DataLoaderOptions(3).workers(workers));
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::multiset<size_t> sizes;
      for (auto& batch : *loader) sizes.insert(batch.size());
      CHECK(sizes == std::multiset<size_t>{1, 3, 3});
    }
    const auto doubled = [](std::vector<int> batch) { return 2 * batch.size(); };
    auto mapped = make_data_loader(
        Countdown().map(transforms::BatchLambda<std::vector<int>, size_t>(doubled)),
        DataLoaderOptions(7).workers(workers));
    for (auto& count : *mapped) CHECK(count == 14);
  }
}

TEST_CASE("A stream dataset is asked for sizes") {
  struct Stream : datasets::StreamDataset<Stream, std::vector<size_t>> {
    std::vector<size_t> get_batch(size_t size) override { return std::vector<size_t>(size, size); }
    optional<size_t> size() const override { return 5; }
  };
  auto loader = make_data_loader<samplers::StreamSampler>(Stream(), 3);
  std::vector<size_t> sizes;
  for (auto& batch : *loader) sizes.push_back(batch.size());
  CHECK(sizes == std::vector<size_t>{3, 2});
}

TEST_CASE("A loader goes on where it was saved, whatever was loaded ahead") {
  for (const size_t workers : {0, 2}) {
    for (const size_t stop_after : {0, 1, 3, 7}) {  // 7 is the whole epoch
      CAPTURE(workers);
      CAPTURE(stop_after);
      manual_seed(11);
      const auto make = [&] {
        return make_data_loader(Numbers(20), DataLoaderOptions(3).workers(workers));
      };
      auto loader = make();
      all_of(*loader);  // the saved epoch is not the first
      StateDict state;
      Tensor random_state;
      std::vector<int> rest;
      size_t num_batches = 0;
      auto batch = loader->begin();
      const auto save = [&] {
        state = loader->state_dict();
        random_state = default_generator().get_state();
      };
      if (stop_after == 0) save();
      for (; batch != loader->end(); ++batch) {
        if (num_batches++ >= stop_after) rest.insert(rest.end(), batch->begin(), batch->end());
        if (num_batches == stop_after) save();
      }
      const std::vector<int> next_epoch = all_of(*loader);

      auto resumed = make();
      resumed->load_state_dict(state);
      default_generator().set_state(random_state);
      CHECK(all_of(*resumed) == rest);
      CHECK(all_of(*resumed) == next_epoch);
    }
  }
}

TEST_CASE("A loader saved between epochs starts the next one") {
  manual_seed(3);
  auto loader = make_data_loader(Numbers(20), 4);
  all_of(*loader);
  const StateDict state = loader->state_dict();
  const Tensor random_state = default_generator().get_state();
  const std::vector<int> expected = all_of(*loader);
  auto resumed = make_data_loader(Numbers(20), 4);
  resumed->load_state_dict(state);
  default_generator().set_state(random_state);
  CHECK(all_of(*resumed) == expected);
}

TEST_CASE("A loader refuses the state of another") {
  auto loader = make_data_loader(Numbers(20), 4);
  auto batch = loader->begin();
  const StateDict state = loader->state_dict();
  CHECK_THROWS_WITH_AS(make_data_loader(Numbers(20), 5)->load_state_dict(state),
                       "DataLoader: batch_size must be that of the saved state, 4, got 5", Error);
  CHECK_THROWS_WITH_AS(make_data_loader(Numbers(21), 4)->load_state_dict(state),
                       "RandomSampler: indices of the saved state must be Long [21], got Long [20]",
                       Error);
}
