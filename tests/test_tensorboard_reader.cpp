// Event files as TensorBoard itself reads them; skipped where Python has no tensorboard. The interpreter is
// $PYTHON or python3.
#include <cstdio>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "fusegrad.h"
#include "nn/model_graph.h"
#include "serialize/tensorboard.h"
#include "tests/files.h"
#include "tests/gpu.h"

using namespace fg;

namespace {

struct Answer {
  int status = 0;
  std::string text;
};

Answer run(const std::string& command) {
  Answer answer;
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  char buffer[4096];
  for (size_t count; (count = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    answer.text.append(buffer, count);
  answer.status = pclose(pipe);
  return answer;
}

void write_run(const std::string& folder) {
  SummaryWriter writer(SummaryWriterOptions(folder).max_queue(3));
  for (int step = 0; step < 20; ++step)
    writer.add_scalar("loss", 1.0 / (step + 1), step, 100 + step);
  writer.add_scalars("both", {{"train", 0.5}, {"test", 0.75}}, 1);
  writer.add_histogram("weights", tensor({-1.0, 0.5, 0.5, 2.0}), 4);
  writer.add_image("picture", full({3, 4, 5}, 0.5), 5);
  writer.add_images("pictures", zeros({3, 1, 4, 4}), 6);
  writer.add_text("note", "some *text*", 7);
  writer.add_hparams({{"lr", 0.125}, {"name", "sgd"}, {"nesterov", true}}, {{"accuracy", 0.9}},
                     "trial");
  nn::Sequential net(nn::Linear(4, 3), nn::Tanh());
  writer.add_graph(net, zeros({2, 4}));
}

}  // namespace

TEST_CASE("TensorBoard reads what SummaryWriter writes") {
  const test::TemporaryDirectory directory;
  write_run(directory / "run");
  const char* const chosen = std::getenv("PYTHON");
  const std::string python = chosen ? chosen : "python3";
  const Answer answer =
      run("TF_CPP_MIN_LOG_LEVEL=3 " + python + " " FUSEGRAD_FIXTURES "/../tensorboard_dump.py " +
          (directory / "run") + " 2>&1");
  constexpr int kNoTensorBoard = 3 << 8, kNoPython = 127 << 8;
  if (answer.status == kNoTensorBoard || answer.status == kNoPython)
    return skip_case(python + " has no tensorboard: " + answer.text);
  REQUIRE_MESSAGE(answer.status == 0, answer.text);
  // Warnings of the import may stand before the line.
  const auto runs = nlohmann::json::parse(answer.text.substr(answer.text.rfind("\n{") + 1));

  const auto& main = runs.at(".");
  const auto& loss = main.at("loss");
  CHECK(loss.at("plugin") == "scalars");
  REQUIRE(loss.at("events").size() == 20);
  for (size_t i = 0; i < 20; ++i) {
    CHECK(loss["events"][i]["step"] == i);
    CHECK(loss["events"][i]["wall_time"] == 100.0 + double(i));
    CHECK(loss["events"][i]["value"].get<double>() == double(1.0f / float(i + 1)));
  }
  CHECK(runs.at("both_train").at("both")["events"][0]["value"] == 0.5);
  CHECK(runs.at("both_test").at("both")["events"][0]["value"] == 0.75);

  CHECK(main.at("weights").at("plugin") == "histograms");
  double total = 0;
  for (const auto& bucket : main["weights"]["events"][0]["value"]) {
    CHECK(bucket[0].get<double>() <= bucket[1].get<double>());
    total += bucket[2].get<double>();
  }
  CHECK(total == 4);
  CHECK(main.at("picture").at("plugin") == "images");
  CHECK(main["picture"]["events"][0]["value"][0] == 5);
  CHECK(main["picture"]["events"][0]["value"][1] == 4);
  CHECK(main.at("pictures")["events"][0]["value"][0] == 12);
  CHECK(main.at("note/text_summary").at("plugin") == "text");
  CHECK(main["note/text_summary"]["events"][0]["value"][0] == "some *text*");

  const auto& trial = runs.at("trial");
  CHECK(trial.at("_hparams_/experiment").at("kind") == "experiment");
  CHECK(trial.at("_hparams_/session_start_info").at("hparams") ==
        nlohmann::json({{"lr", 0.125}, {"name", "sgd"}, {"nesterov", true}}));
  CHECK(trial.at("_hparams_/session_end_info").at("kind") == "session_end_info");
  CHECK(trial.at("accuracy")["events"][0]["value"].get<float>() == 0.9f);

  const auto& graph = main.at("graph");
  CHECK(graph.contains("Sequential/0/weight"));
  CHECK(graph.at("output/0")[1][0] == "Sequential/1/Tanh");
}
