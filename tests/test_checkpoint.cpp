// Checkpoints: sections, their errors, and a resumed run that repeats the losses bit for bit.
#include <doctest/doctest.h>

#include "data/digits.h"
#include "data/loader.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "serialize/checkpoint.h"
#include "tests/files.h"

using namespace fg;
using namespace fg::test;

namespace {

/// A small run with everything that has a state: normalisation, dropout, shuffling, Adam, a schedule.
struct Run {
  explicit Run(size_t workers)
      : model(nn::Flatten(), nn::Linear(64, 24), nn::BatchNorm1d(24), nn::ReLU(), nn::Dropout(0.3),
              nn::Linear(24, 10)),
        optimizer(model->parameters(), optim::AdamOptions(1e-2)),
        scheduler(optimizer, 7, 0.5),
        loader(data::make_data_loader(
            data::datasets::Digits(FUSEGRAD_BUNDLED_DATA "/digits.csv.gz").batches(),
            data::DataLoaderOptions(96).workers(workers))) {}

  /// Trains up to `last_step`, saving after `save_at`; the losses of the steps done.
  std::vector<float> train(int64_t last_step, int64_t save_at, const std::string& path) {
    std::vector<float> losses;
    while (step < last_step) {
      for (auto& batch : *loader) {
        optimizer.zero_grad();
        const Tensor loss = nn::functional::cross_entropy(model->forward(batch.data), batch.target);
        loss.backward();
        optimizer.step();
        scheduler.step();
        losses.push_back(loss.item<float>());
        if (++step == save_at) save(path);
        if (step == last_step) return losses;
      }
    }
    return losses;
  }
  void save(const std::string& path) {
    Checkpoint checkpoint;
    checkpoint.add("model", *model);
    checkpoint.add("optimizer", optimizer);
    checkpoint.add("scheduler", scheduler);
    checkpoint.add("loader", *loader);
    checkpoint.add("random", default_generator());
    checkpoint.add("progress", StateDict{{"step", scalar_tensor(step, kLong)}});
    checkpoint.metadata["program"] = "test";
    checkpoint.save(path);
  }
  void load(const std::string& path) {
    const Checkpoint checkpoint = load_checkpoint(path);
    checkpoint.restore("model", *model);
    checkpoint.restore("optimizer", optimizer);
    checkpoint.restore("scheduler", scheduler);
    checkpoint.restore("loader", *loader);
    checkpoint.restore("random", default_generator());
    step = checkpoint["progress"]["step"].item<int64_t>();
  }

  nn::Sequential model;
  optim::Adam optimizer;
  optim::StepLR scheduler;
  decltype(data::make_data_loader(std::declval<data::datasets::TensorBatches>())) loader;
  int64_t step = 0;
};

}  // namespace

TEST_CASE("A resumed run repeats the losses and ends with the same weights, bit for bit") {
  const TemporaryDirectory directory;
  const std::string path = directory / "run.safetensors";
  constexpr int64_t num_steps = 20;  // an epoch has 15
  for (const size_t workers : {0, 2}) {
    for (const int64_t save_at : {10, 15, 17}) {  // within an epoch, at its end, in the next one
      CAPTURE(workers);
      CAPTURE(save_at);
      manual_seed(7);
      Run run(workers);
      const std::vector<float> losses = run.train(num_steps, save_at, path);
      REQUIRE(losses.size() == num_steps);

      manual_seed(1234);
      Run resumed(workers);
      resumed.load(path);
      CHECK(resumed.step == save_at);
      const std::vector<float> rest = resumed.train(num_steps, -1, "");
      CHECK(rest == std::vector<float>(losses.begin() + save_at, losses.end()));
      const auto expected = run.model->state_dict(), got = resumed.model->state_dict();
      for (const auto& item : expected) CHECK(got[item.key()].equal(item.value()));
      CHECK(losses.back() < losses.front());
    }
  }
}

TEST_CASE("save_checkpoint and load_checkpoint keep sections, names and texts") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  const StateDict model = {{"layer.weight", arange(6)}, {"layer.bias", scalar_tensor(2.5)}};
  Checkpoint saved = {
      {"model", model}, {"model2", StateDict{{"w", ones({1})}}}, {"none", StateDict()}};
  saved.metadata["settings"] = "{\"lr\": 1}";
  save_checkpoint(path, saved);
  const Checkpoint loaded = load_checkpoint(path);
  CHECK(loaded.sections().keys() == std::vector<std::string>{"model", "model2", "none"});
  CHECK(loaded["model"].keys() == model.keys());
  CHECK(loaded["model"]["layer.weight"].equal(model["layer.weight"]));
  CHECK(loaded["model2"].size() == 1);
  CHECK(loaded["none"].is_empty());
  CHECK(loaded.metadata == saved.metadata);
  // Any reader of safetensors finds the tensors.
  CHECK(load_safetensors(path).tensors.contains("model.layer.weight"));
  save_checkpoint(path, {{"other", model}});
  CHECK(load_checkpoint(path).sections().keys() == std::vector<std::string>{"other"});
}

TEST_CASE("A generator's state goes through a checkpoint") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  Generator generator;
  generator.manual_seed(3);
  empty({3}).normal_(0, 1, generator);  // leaves half a pair to be handed out
  Checkpoint checkpoint;
  checkpoint.add("random", generator);
  checkpoint.save(path);
  const Tensor expected = empty({5}).normal_(0, 1, generator);
  Generator other;
  load_checkpoint(path).restore("random", other);
  CHECK(empty({5}).normal_(0, 1, other).equal(expected));
}

TEST_CASE("Checkpoint errors") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  Checkpoint checkpoint = {{"model", StateDict{{"w", ones({1})}}}, {"optimizer", StateDict()}};
  CHECK_THROWS_WITH_AS(checkpoint["scheduler"],
                       "Checkpoint: there is no section 'scheduler', only [model, optimizer]",
                       Error);
  CHECK_THROWS_WITH_AS(checkpoint.add("model", StateDict()),
                       "Checkpoint: section 'model' already defined", Error);
  CHECK_THROWS_WITH_AS(
      checkpoint.add("a.b", StateDict()),
      "Checkpoint: a section's name must have characters and no dot or line end, got 'a.b'", Error);
  checkpoint.metadata["fusegrad.sections"] = "x";
  CHECK_THROWS_WITH_AS(checkpoint.save(path),
                       "save_checkpoint: metadata must not have the key 'fusegrad.sections'",
                       Error);

  CHECK_THROWS_WITH_AS(
      load_checkpoint(path),
      ("load_safetensors: cannot open " + path + ": No such file or directory").c_str(), Error);
  save_safetensors(path, {{"w", ones({1})}});
  CHECK_THROWS_WITH_AS(
      load_checkpoint(path),
      ("load_checkpoint: " + path + " is no checkpoint: its metadata lacks 'fusegrad.sections'")
          .c_str(),
      Error);
  save_safetensors(path, {{"a.w", ones({1})}, {"b.w", ones({1})}}, {{"fusegrad.sections", "a\n"}});
  CHECK_THROWS_WITH_AS(
      load_checkpoint(path),
      ("load_checkpoint: " + path + " has 2 tensors, of which only 1 belong to its sections")
          .c_str(),
      Error);
}

TEST_CASE("A checkpoint that cannot be written leaves the old one") {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.safetensors";
  save_checkpoint(path, {{"model", StateDict{{"w", ones({4})}}}});
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH_AS(save_checkpoint(path, {{"model", StateDict{{"w", zeros({4000})}}}}),
                         ("save_safetensors: cannot write " + path + ": File too large").c_str(),
                         Error);
  }
  CHECK(load_checkpoint(path)["model"]["w"].equal(ones({4})));
  CHECK(directory.num_files() == 1);
}
