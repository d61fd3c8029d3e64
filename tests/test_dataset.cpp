// Datasets and transforms; MNIST from files, the bundled digits and text.
#include <doctest/doctest.h>

#include "data/dataset.h"
#include "data/digits.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "data/text.h"
#include "tests/files.h"
#include "tests/gzip.h"

using namespace fg;
using namespace fg::data;
using namespace fg::test;

namespace {

/// Data [[0, 1], [2, 3], ...], target 0, 1, ...
struct Rows : datasets::Dataset<Rows> {
  Example<> get(size_t index) override {
    return {fg::tensor({2.f * float(index), 2.f * float(index) + 1}),
            scalar_tensor(int64_t(index), kLong)};
  }
  optional<size_t> size() const override { return 6; }
};

std::string idx_header(char num_dims, const std::vector<int>& sizes) {
  std::string bytes = {0, 0, 8, num_dims};
  for (const int size : sizes) bytes += {0, 0, 0, char(size)};
  return bytes;
}

}  // namespace

TEST_CASE("Stack makes one example of many") {
  auto dataset = Rows().map(transforms::Stack<>());
  const Example<> batch = dataset.get_batch(std::vector<size_t>{4, 1});
  CHECK(batch.data.equal(fg::tensor({{8.f, 9.f}, {2.f, 3.f}})));
  CHECK(batch.target.equal(fg::tensor({4, 1})));
  CHECK(*dataset.size() == 6);
  CHECK_THROWS_WITH_AS(
      transforms::Stack<TensorExample>().apply_batch({fg::tensor({1.f}), fg::tensor({1.f, 2.f})}),
      "Stack: data of example 1 must be Float [1] as that of example 0, got Float [2]", Error);
  CHECK_THROWS_WITH_AS(transforms::Stack<TensorExample>().apply_batch({}),
                       "Stack: data must hold at least one example", Error);
}

TEST_CASE("Transforms chain") {
  const auto negated = [](Tensor x) { return x.neg(); };
  const auto count = [](std::vector<Example<>> batch) { return batch.size(); };
  auto dataset = Rows().map(transforms::TensorLambda<>(negated)).map(transforms::Stack<>());
  CHECK(dataset.get_batch(size_t{1}).data.equal(fg::tensor({{-2.f, -3.f}})));
  auto counted = Rows().map(transforms::BatchLambda<std::vector<Example<>>, size_t>(count));
  CHECK(counted.get_batch(std::vector<size_t>{0, 1, 2}) == 3);
  const auto target = [](Example<> example) { return example.target.item<int64_t>(); };
  auto targets = Rows().map(transforms::Lambda<Example<>, int64_t>(target));
  CHECK(targets.get_batch(std::vector<size_t>{3, 5}) == std::vector<int64_t>{3, 5});
}

TEST_CASE("Normalize works on examples, on batches and on bytes") {
  const Tensor images = arange(2 * 3 * 2 * 2, kFloat).view({2, 3, 2, 2});
  transforms::Normalize<> normalize({1, 2, 3}, {2, 4, 8});
  const Tensor one = normalize(images[0]);
  CHECK(one[0][0][0].item<float>() == (0.f - 1) / 2);
  CHECK(one[2][1][1].item<float>() == (11.f - 3) / 8);
  auto dataset = datasets::TensorBatches(images, arange(2)).map(normalize);
  CHECK(dataset.get_batch(std::vector<size_t>{1, 0}).data[1].equal(one));
  CHECK(normalize(images[0].to(kByte)).equal(one));
  CHECK(normalize(images[0].to(kDouble)).dtype() == kDouble);
}

TEST_CASE("TensorDataset") {
  datasets::TensorDataset dataset({fg::tensor({1.f, 2.f}), fg::tensor({3.f, 4.f})});
  CHECK(*dataset.size() == 2);
  CHECK(dataset.get(1).data.equal(fg::tensor({3.f, 4.f})));
  auto stacked = datasets::TensorDataset(eye(3)).map(transforms::Stack<TensorExample>());
  CHECK(stacked.get_batch(std::vector<size_t>{0, 1, 2}).data.equal(eye(3)));
}

TEST_CASE("TensorBatches gathers what stacked examples give") {
  const Tensor data = arange(24, kFloat).view({6, 2, 2}), target = arange(6);
  datasets::TensorBatches dataset(data, target);
  const Example<> batch = dataset.get_batch(std::vector<size_t>{5, 0, 5});
  CHECK(batch.data.sizes() == IntArrayRef({3, 2, 2}));
  CHECK(batch.data[0].equal(data[5]));
  CHECK(batch.target.equal(fg::tensor({5, 0, 5})));
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader<samplers::SequentialSampler>(
        dataset, DataLoaderOptions(4).workers(workers));
    int64_t row = 0;
    for (auto& rows : *loader) {
      CHECK(rows.data.equal(data.narrow(0, row, rows.data.size(0))));
      row += rows.data.size(0);
    }
    CHECK(row == 6);
  }
  CHECK_THROWS_WITH_AS(datasets::TensorBatches(data, arange(5)),
                       "TensorBatches: target must have as many rows as data, 6, got 5", Error);
  CHECK_THROWS_WITH_AS(
      datasets::TensorBatches(scalar_tensor(1), arange(5)),
      "TensorBatches: data and target must have a batch dim, got shapes [] and [5]", Error);
}

TEST_CASE("Shared datasets are one object") {
  auto shared = datasets::make_shared_dataset<Rows>();
  auto copy = shared;
  CHECK(&*copy == &*shared);
  CHECK(*copy->size() == 6);
  CHECK(copy.map(transforms::Stack<>()).get_batch(size_t{2}).target.equal(fg::tensor({2})));
}

TEST_CASE("MNIST reads its four files, packed or not") {
  const TemporaryDirectory directory;
  std::string pixels(2 * 3 * 2, '\0');
  pixels[7] = '\xff';
  write_all(directory / "train-images-idx3-ubyte.gz", gzip(idx_header(3, {2, 3, 2}) + pixels));
  write_all(directory / "train-labels-idx1-ubyte", idx_header(1, {2}) + "\x07\x03");
  datasets::MNIST mnist(directory.path());
  CHECK(mnist.is_train());
  CHECK(*mnist.size() == 2);
  CHECK(mnist.images().sizes() == IntArrayRef({2, 1, 3, 2}));
  CHECK(mnist.images().sum().item<float>() == 1);
  CHECK(mnist.get(1).data[0][0][1].item<float>() == 1);
  CHECK(mnist.get(0).target.item<int64_t>() == 7);
  CHECK(mnist.batches().all().target.equal(fg::tensor({7, 3})));

  CHECK_THROWS_WITH_AS(datasets::MNIST(directory.path(), datasets::MNIST::Mode::kTest),
                       ("MNIST: root must hold t10k-images-idx3-ubyte or "
                        "t10k-images-idx3-ubyte.gz, got " +
                        directory.path())
                           .c_str(),
                       Error);
  write_all(directory / "train-labels-idx1-ubyte", idx_header(1, {3}) + "\x07\x03\x01");
  CHECK_THROWS_WITH_AS(datasets::MNIST(directory.path()),
                       "MNIST: labels must be Byte [2], one per image, got Byte [3]", Error);
  write_all(directory / "train-images-idx3-ubyte", idx_header(1, {1}) + "x");
  CHECK_THROWS_WITH_AS(datasets::MNIST(directory.path()),
                       "MNIST: images must be Byte [N, height, width], got Byte [1]", Error);
}

TEST_CASE("The bundled digits") {
  using datasets::Digits;
  const std::string path = FUSEGRAD_BUNDLED_DATA "/digits.csv.gz";
  const Digits all(path, Digits::Mode::kAll), train(path), test(path, Digits::Mode::kTest);
  CHECK(*all.size() == 1797);
  CHECK(*train.size() == 1438);
  CHECK(*test.size() == 359);
  CHECK(all.images().sizes() == IntArrayRef({1797, 1, 8, 8}));
  CHECK(all.images().max().item<float>() == 1);
  CHECK(all.images().min().item<float>() == 0);
  CHECK(all.targets().dtype() == kLong);
  CHECK(test.images()[1].equal(all.images()[9]));
  CHECK(train.targets()[4].equal(all.targets()[5]));
}

TEST_CASE("Digits refuses other tables") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.csv";
  write_all(path, "1,2,3\n");
  CHECK_THROWS_WITH_AS(datasets::Digits{path},
                       ("Digits: " + path + " must have 65 columns, got 3").c_str(), Error);
  std::string row;
  for (int i = 0; i < 64; ++i) row += "0,";
  write_all(path, row + "10\n");
  CHECK_THROWS_WITH_AS(
      datasets::Digits{path},
      ("Digits: " + path + ", row 1, column 65: expected a value in [0, 9], got 10").c_str(),
      Error);
}

TEST_CASE("CharCorpus numbers characters and holds back the end") {
  const CharCorpus corpus("hello world", 0.3);
  CHECK(corpus.vocabulary() == " dehlorw");
  CHECK(corpus.vocabulary_size() == 8);
  CHECK(corpus.codes(CharCorpus::Part::kTrain).numel() == 8);
  CHECK(corpus.decode(corpus.codes(CharCorpus::Part::kValidation)) == "rld");
  CHECK(corpus.decode(corpus.encode("low hole")) == "low hole");
  CHECK_THROWS_WITH_AS(
      corpus.encode("hex"),
      "encode: text must hold characters of the vocabulary only, got byte 120 at position 2",
      Error);
  CHECK_THROWS_WITH_AS(corpus.decode(fg::tensor({8})), "decode: codes must be in [0, 8), got 8",
                       Error);
  CHECK_THROWS_WITH_AS(corpus.decode(fg::tensor({1.f})),
                       "decode: codes must be one-dimensional Long, got Float [1]", Error);
  CHECK_THROWS_WITH_AS(CharCorpus(""), "CharCorpus: text must not be empty", Error);
  CHECK_THROWS_WITH_AS(CharCorpus("x", 1),
                       "CharCorpus: validation_fraction must be in [0, 1), got 1", Error);
}

TEST_CASE("CharCorpus windows") {
  using Part = CharCorpus::Part;
  const CharCorpus corpus = CharCorpus::from_file(FUSEGRAD_BUNDLED_DATA "/austen.txt.gz");
  CHECK(corpus.vocabulary_size() > 50);
  Generator generator;
  generator.manual_seed(1);
  const Example<> batch = corpus.random_windows(Part::kTrain, 5, 12, generator);
  CHECK(batch.data.sizes() == IntArrayRef({5, 12}));
  CHECK(batch.data.narrow(1, 1, 11).equal(batch.target.narrow(1, 0, 11)));
  CHECK_FALSE(batch.data[0].equal(batch.data[1]));
  const std::string window = corpus.decode(batch.data[3]);
  CHECK(corpus.decode(corpus.codes(Part::kTrain)).find(window) != std::string::npos);

  const CharCorpus small("abcdefg", 0);
  const Example<> all = small.all_windows(Part::kTrain, 3);
  CHECK(small.decode(all.data.flatten()) == "abcdef");
  CHECK(small.decode(all.target.flatten()) == "bcdefg");
  const Example<> only = small.random_windows(Part::kTrain, 2, 6);
  CHECK(small.decode(only.target[1]) == "bcdefg");
  CHECK_THROWS_WITH_AS(small.random_windows(Part::kTrain, 2, 7),
                       "random_windows: length must be below the 7 characters of the part, got 7",
                       Error);
  CHECK_THROWS_WITH_AS(small.all_windows(Part::kValidation, 1),
                       "all_windows: length must be below the 0 characters of the part, got 1",
                       Error);
}
