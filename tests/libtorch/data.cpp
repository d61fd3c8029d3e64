// Data sets, transforms, samplers and loaders.
#include "show.h"

using namespace torch::data;

namespace {

/// The numbers 0 to 99 and their squares.
struct Squares : datasets::Dataset<Squares> {
  explicit Squares(size_t count = 100) : count(count) {}
  Example<> get(size_t index) override {
    return {torch::tensor(float(index)), torch::tensor(int64_t(index * index))};
  }
  torch::optional<size_t> size() const override { return count; }
  size_t count;
};

struct Ints : datasets::Dataset<Ints, int> {
  int get(size_t index) override { return int(index) + 1; }
  torch::optional<size_t> size() const override { return 10; }
};

struct WholeBatch : datasets::BatchDataset<WholeBatch, std::vector<int>> {
  std::vector<int> get_batch(at::ArrayRef<size_t> indices) override {
    return std::vector<int>(indices.begin(), indices.end());
  }
  torch::optional<size_t> size() const override { return 7; }
};

struct Counter : datasets::StatefulDataset<Counter, int, size_t> {
  torch::optional<int> get_batch(size_t) override {
    if (at >= 5) return torch::nullopt;
    return at++;
  }
  torch::optional<size_t> size() const override { return 5; }
  void reset() override { at = 0; }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}
  int at = 0;
};

struct Chunks : datasets::ChunkDataReader<int> {
  using ChunkType = datasets::ChunkDataReader<int>::ChunkType;
  using BatchType = ChunkType;
  ChunkType read_chunk(size_t index) override {
    ChunkType chunk(3 + index);
    std::iota(chunk.begin(), chunk.end(), int(index) * 10);
    return chunk;
  }
  size_t chunk_count() override { return 3; }
  void reset() override {}
};

torch::Tensor numbers(const std::vector<int>& values) {
  return torch::tensor(std::vector<int64_t>(values.begin(), values.end()));
}

void sources() {
  Squares squares;
  show("size", *squares.size());
  show("example", squares.get(5).target);
  auto stacked = Squares(10).map(transforms::Stack<>());
  auto batch = stacked.get_batch({1, 3, 5});
  show("data", batch.data);
  show("target", batch.target);
  auto tensors = datasets::TensorDataset(torch::arange(12).view({4, 3}))
                     .map(transforms::Stack<TensorExample>());
  show("tensor data set", tensors.get_batch({0, 2}).data);
  auto lambda = Ints()
                    .map(transforms::Lambda<int>([](int x) { return x * 10; }))
                    .map(transforms::BatchLambda<std::vector<int>, int>(
                        [](std::vector<int> v) { return std::accumulate(v.begin(), v.end(), 0); }));
  show("sum", lambda.get_batch({0, 1, 2}));
  auto normalized = datasets::TensorDataset(torch::ones({2, 1, 2, 2}) * 3)
                        .map(transforms::Normalize<void>(1.0, 2.0));
  (void)normalized;
  auto image = transforms::Normalize<>({0.5, 1.5, -1.5}, {0.1, 0.2, 0.2});
  show("normalized", image(torch::ones({3, 1, 2})));
  show("one channel", transforms::Normalize<>(0.5, 0.25)(torch::ones({1, 2, 2})));
  auto changed = Squares(4)
                     .map(transforms::TensorLambda<>([](torch::Tensor t) { return t + 0.5; }))
                     .map(transforms::Stack<>());
  show("tensor lambda", changed.get_batch({0, 1, 2, 3}).data);
  auto collated = Ints().map(transforms::Collate<int>([](std::vector<int> v) { return v.back(); }));
  show("collated", collated.get_batch({2, 7}));
}

void orders() {
  samplers::SequentialSampler sequential(10);
  show("sequential", torch::tensor(std::vector<int64_t>({int64_t(sequential.next(3)->size()),
                                                         int64_t(sequential.next(3)->front()),
                                                         int64_t(sequential.index())})));
  sequential.reset(4);
  show("reset", sequential.next(10)->size());
  show("over", sequential.next(1).has_value());
  samplers::RandomSampler random(7);
  auto drawn = *random.next(7);
  show("random", torch::tensor(std::vector<int64_t>(drawn.begin(), drawn.end())));
  random.reset();
  drawn = *random.next(4);
  show("again", torch::tensor(std::vector<int64_t>(drawn.begin(), drawn.end())));
  samplers::StreamSampler stream(5);
  show("stream", stream.next(3)->size());
  show("rest", stream.next(3)->size());
  show("stream over", stream.next(3).has_value());
  samplers::DistributedSequentialSampler share(10, 3, 1);
  auto mine = *share.next(10);
  show("distributed", torch::tensor(std::vector<int64_t>(mine.begin(), mine.end())));
  samplers::DistributedRandomSampler shuffled(10, 2, 0, false);
  show("distributed random", shuffled.next(10)->size());
}

void loaders() {
  auto loader =
      make_data_loader<samplers::SequentialSampler>(Squares(10).map(transforms::Stack<>()), 4);
  for (auto& batch : *loader) {
    show("data", batch.data);
    show("target", batch.target);
  }
  torch::manual_seed(5);
  auto random = make_data_loader(Squares(10).map(transforms::Stack<>()),
                                 DataLoaderOptions().batch_size(4).drop_last(true));
  for (int epoch = 0; epoch < 2; ++epoch)
    for (auto& batch : *random) show("shuffled", batch.data);
  auto workers = make_data_loader(Ints(), samplers::SequentialSampler(10),
                                  DataLoaderOptions(3).workers(2).enforce_ordering(true));
  for (auto& batch : *workers) show("from workers", numbers(batch));
  auto whole = make_data_loader(WholeBatch(), samplers::SequentialSampler(7), 3);
  auto it = whole->begin();
  show("first", numbers(*it));
  ++it;
  show("second", numbers(*it));
  show("not the end", it != whole->end());
  ++it;
  show("third", it->size());
  ++it;
  show("the end", it == whole->end());
  throws("past the end", [&] { ++it; });
  auto stateful = make_data_loader(Counter(), DataLoaderOptions(1));
  for (int epoch = 0; epoch < 2; ++epoch) {
    int64_t sum = 0;
    for (auto& value : *stateful) sum += value;
    show("stateful", sum);
  }
  auto shared = make_data_loader(datasets::make_shared_dataset<Ints>(),
                                 samplers::SequentialSampler(10), DataLoaderOptions(5).workers(1));
  for (auto& batch : *shared) show("shared", numbers(batch));
  show("options", loader->options().batch_size);
  auto chunks = datasets::make_shared_dataset<
      datasets::ChunkDataset<Chunks, samplers::SequentialSampler, samplers::SequentialSampler>>(
      Chunks(), samplers::SequentialSampler(0), samplers::SequentialSampler(0),
      datasets::ChunkDatasetOptions(1, 5));
  auto chunk_loader = make_data_loader(chunks, DataLoaderOptions(5));
  for (auto& batch : *chunk_loader) show("chunk", numbers(batch));
}

struct Broken : datasets::Dataset<Broken, int> {
  int get(size_t) override { throw std::invalid_argument("badness"); }
  torch::optional<size_t> size() const override { return 10; }
};

void failures() {
  auto loader =
      make_data_loader(Broken(), samplers::SequentialSampler(10), DataLoaderOptions().workers(1));
  try {
    (void)loader->begin();
    for (auto& batch : *loader) (void)batch;
  } catch (WorkerException& error) {
    show("worker", std::string(error.what()));
    throws_text("original", [&] { std::rethrow_exception(error.original_exception); });
  }
  throws("batch size 0", [] { make_data_loader(Ints(), samplers::SequentialSampler(10), 0); });
}

void queue() {
  torch::data::detail::Queue<int> queue;
  queue.push(1);
  queue.push(2);
  show("first", queue.pop());
  show("cleared", queue.clear());
  throws_text("timeout", [&] { queue.pop(std::chrono::milliseconds(10)); });
}

}  // namespace

int main() {
  run_case("sources", 1e-6, 0, sources);
  run_case("orders", 0, 0, orders);
  run_case("loaders", 0, 0, loaders);
  run_case("failures", 0, 0, failures);
  run_case("queue", 0, 0, queue);
}
