// The bytes of event files, read by tests/event_reader.h. test_tensorboard_reader.cpp asks TensorBoard itself.
#include <cmath>
#include <latch>
#include <limits>
#include <thread>

#include <doctest/doctest.h>

#include "serialize/tensorboard.h"
#include "serialize/wire_format.h"
#include "tensor/factories.h"
#include "tests/error_text.h"
#include "tests/event_reader.h"

using namespace fg;
using test::error_of;
using test::read_events;
using test::TemporaryDirectory;
using test::WireFields;

TEST_CASE("CRC-32C has its published values") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc32c("") == 0);
  CHECK(test::slow_crc32c("123456789") == 0xe3069283u);
}

TEST_CASE("the wire format has the bytes of its documentation") {
  CHECK(WireMessage().integer(1, 150).bytes() == "\x08\x96\x01");
  CHECK(WireMessage().text(2, "testing").bytes() == "\x12\x07testing");
  CHECK(WireMessage().message(3, WireMessage().integer(1, 150)).bytes() == "\x1a\x03\x08\x96\x01");
  CHECK(WireMessage().integer(16, 0).bytes() == std::string("\x80\x01\x00", 3));
  // Negative numbers take ten bytes.
  CHECK(WireMessage().integer(1, -2).bytes() == "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  CHECK(WireFields(WireMessage().integer(1, -2).bytes()).integer(1) == -2);
  CHECK(WireMessage().real32(1, 1).bytes() == std::string("\x0d\x00\x00\x80\x3f", 5));
  CHECK(WireFields(WireMessage().reals(1, {0.5, -std::numeric_limits<double>::infinity()}).bytes())
            .reals(1) == std::vector<double>{0.5, -std::numeric_limits<double>::infinity()});
}

TEST_CASE("a file begins with its version, and scalars follow") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory / "run");
  writer.add_scalar("loss/train", 0.25, 7, 1000.5);
  writer.add_scalar("loss/train", tensor({0.125}), 8);
  writer.add_scalar("no step", NAN);
  writer.add_scalar("zero", 0.0, 0);
  CHECK(writer.get_logdir() == directory / "run");
  CHECK(read_events(directory / "run").size() == 1);  // the others still wait
  writer.flush();
  const auto events = read_events(directory / "run");
  REQUIRE(events.size() == 5);
  CHECK(events[0].text(3) == "brain.Event:2");
  CHECK(events[1].real(1) == 1000.5);
  CHECK(events[1].integer(2) == 7);
  const WireFields value = events[1].message(5).message(1);
  CHECK(value.text(1) == "loss/train");
  CHECK(value.real32(2) == 0.25f);
  CHECK(std::abs(events[2].real(1) - double(std::time(nullptr))) < 100);
  CHECK(events[2].message(5).message(1).real32(2) == 0.125f);
  CHECK_FALSE(events[3].has(2));
  CHECK(std::isnan(events[3].message(5).message(1).real32(2)));
  CHECK(events[4].message(5).message(1).real32(2) ==
        0.0f);  // written out, or it would be no scalar
}

TEST_CASE("records are written when enough wait, when they have waited long, and on close") {
  const TemporaryDirectory directory;
  const auto count = [&] { return read_events(directory.path()).size() - 1; };
  SummaryWriter writer(SummaryWriterOptions(directory.path()).max_queue(3));
  writer.add_scalar("a", 1);
  writer.add_scalar("a", 2);
  CHECK(count() == 0);
  writer.add_scalar("a", 3);
  CHECK(count() == 3);
  writer.add_scalar("a", 4);
  writer.close();
  CHECK(count() == 4);
  // As in PyTorch, a closed writer begins another file.
  writer.add_scalar("a", 5);
  writer.close();
  CHECK(test::event_files(directory.path()).size() == 2);
  {
    SummaryWriter hasty(SummaryWriterOptions(directory / "hasty").flush_secs(0));
    hasty.add_scalar("a", 1);
    CHECK(read_events(directory / "hasty").size() == 2);
  }
  { SummaryWriter(directory / "dropped").add_scalar("a", 1); }
  CHECK(read_events(directory / "dropped").size() == 2);
}

TEST_CASE("the default folder, the suffix and the comment") {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  std::string folder;
  {
    SummaryWriter writer(SummaryWriterOptions().comment("_lr_0.1").filename_suffix(".extra"));
    folder = writer.log_dir();
  }
  const std::vector<std::string> files = test::event_files(folder);
  std::filesystem::current_path(before);
  CHECK(folder.starts_with("runs/"));
  CHECK(folder.ends_with("_lr_0.1"));
  REQUIRE(files.size() == 1);
  CHECK(files[0].find("/events.out.tfevents.") != std::string::npos);
  CHECK(files[0].ends_with(".extra"));
}

TEST_CASE("a run that goes on hides what came after its step") {
  const TemporaryDirectory directory;
  SummaryWriter writer(SummaryWriterOptions(directory.path()).purge_step(12));
  writer.add_scalar("a", 1, 12);
  writer.close();
  const auto events = read_events(directory.path());
  REQUIRE(events.size() == 3);
  CHECK(events[1].integer(2) == 12);
  CHECK(events[1].message(7).integer(1) == 1);  // SessionLog.START
}

TEST_CASE("add_scalars makes a run of each curve") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  writer.add_scalars("loss/both", {{"train", 0.5}, {"test", 0.75}}, 3);
  writer.close();
  for (const auto& [name, expected] : {std::pair("train", 0.5f), std::pair("test", 0.75f)}) {
    const WireFields value = test::last_value(directory / (std::string("loss_both_") + name));
    CHECK(value.text(1) == "loss/both");
    CHECK(value.real32(2) == expected);
  }
}

TEST_CASE("text is a tensor of one string for the text plugin") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  writer.add_text("note", "**bold** \xc3\xa9", 2);
  writer.close();
  const WireFields value = test::last_value(directory.path());
  CHECK(value.text(1) == "note/text_summary");
  CHECK(value.message(9).message(1).text(1) == "text");
  const WireFields tensor = value.message(8);
  CHECK(tensor.integer(1) == 7);  // DT_STRING
  CHECK(tensor.message(2).message(2).integer(1) == 1);
  CHECK(tensor.text(8) == "**bold** \xc3\xa9");
}

TEST_CASE("text that is not UTF-8 would make the file unreadable, and is refused") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  const std::string bad = "caf\xe9";
  CHECK(error_of([&] { writer.add_scalar(bad, 1); }) == "add_scalar: tag must be valid UTF-8");
  CHECK(error_of([&] {
          writer.add_scalars(bad, {{"a", 1}});
        }) == "add_scalars: main_tag must be valid UTF-8");
  CHECK(error_of([&] { writer.add_text("a", bad); }) ==
        "add_text: text_string must be valid UTF-8");
  CHECK(error_of([&] { writer.add_histogram(bad, ones({1})); }) ==
        "add_histogram: tag must be valid UTF-8");
  CHECK(error_of([&] {
          writer.add_images(bad, ones({1, 1, 1, 1}));
        }) == "add_images: tag must be valid UTF-8");
  CHECK(error_of([&] {
          writer.add_hparams({{"a", bad}}, {});
        }) == "add_hparams: hparam_dict must be valid UTF-8");
  CHECK(error_of([&] {
          writer.add_graph({{bad, "op", {}, {}, {}}});
        }) == "add_graph: node must be valid UTF-8");
  CHECK(error_of([&] { writer.add_scalar("a", ones({2})); }) ==
        "add_scalar: scalar_value must have one element, got shape [2]");
}

TEST_CASE("graphs are GraphDefs") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  writer.add_graph({{"net/weight", "Leaf", {}, {{3, 2}}, {}},
                    {"net/Linear", "Linear", {"net/weight"}, {{4, 3}}, {{"fused", "true"}}}});
  writer.flush();
  const WireFields graph = read_events(directory.path()).back().message(4);
  REQUIRE(graph.count(1) == 2);
  const WireFields node = graph.message(1, 1);
  CHECK(node.text(1) == "net/Linear");
  CHECK(node.text(2) == "Linear");
  CHECK(node.text(3) == "net/weight");
  const WireFields shapes = node.message(5, 0);
  CHECK(shapes.text(1) == "_output_shapes");
  const WireFields shape = shapes.message(2).message(1).message(7);
  CHECK(shape.message(2, 0).integer(1) == 4);
  CHECK(shape.message(2, 1).integer(1) == 3);
  CHECK(node.message(5, 1).message(2).text(2) == "true");
  CHECK(graph.message(4).has(1));
  CHECK(error_of([&] {
          writer.add_graph({{"a", "x", {}, {}, {}}, {"a", "y", {}, {}, {}}});
        }) == "add_graph: names of nodes must be unique and not empty, got \"a\" again");
}

TEST_CASE("hyperparameters are three events of a run below") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  writer.add_hparams({{"lr", 0.1}, {"epochs", 3}, {"nesterov", true}, {"name", "sgd"}},
                     {{"hparam/loss", 0.5}}, "trial");
  const auto events = read_events(directory / "trial");
  REQUIRE(events.size() == 5);  // version, three, the metric
  const auto content = [&](size_t i) {
    const WireFields value = events[i].message(5).message(1);
    CHECK(value.message(9).message(1).text(1) == "hparams");
    return value.message(9).message(1).message(2);
  };
  const WireFields experiment = content(1).message(2);
  CHECK(experiment.count(4) == 4);
  const int64_t types[] = {3, 3, 2, 1};  // FLOAT64, FLOAT64, BOOL, STRING
  for (size_t i = 0; i < 4; ++i) CHECK(experiment.message(4, i).integer(4) == types[i]);
  CHECK(experiment.message(5).message(1).text(2) == "hparam/loss");
  const WireFields start = content(2).message(3);
  CHECK(start.message(1, 0).text(1) == "lr");
  CHECK(start.message(1, 0).message(2).real(2) == 0.1);
  CHECK(start.message(1, 1).message(2).real(2) == 3);
  CHECK(start.message(1, 2).message(2).integer(4) == 1);
  CHECK(start.message(1, 3).message(2).text(3) == "sgd");
  CHECK(content(3).message(4).integer(1) == 1);  // STATUS_SUCCESS
  CHECK(events[4].message(5).message(1).real32(2) == 0.5f);
}

TEST_CASE("threads share a writer") {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  constexpr int kThreads = 4, kEach = 5000;
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int i = 0; i < kEach; ++i) writer.add_scalar(std::to_string(t), i, i);
    });
  for (std::thread& thread : threads) thread.join();
  writer.close();
  std::map<std::string, int64_t> next;
  bool in_order = true;
  const auto events = read_events(directory.path());
  REQUIRE(events.size() == 1 + kThreads * kEach);
  for (size_t i = 1; i < events.size(); ++i) {
    const std::string tag = events[i].message(5).message(1).text(1);
    in_order &= events[i].integer(2) == next[tag]++;
  }
  CHECK(in_order);  // within each thread
}

TEST_CASE("a full disk is an error, and the file stays whole") {
  const TemporaryDirectory directory;
  SummaryWriter writer(SummaryWriterOptions(directory.path()).max_queue(1));
  writer.add_scalar("a", 1, 1);
  const std::string file = test::event_files(directory.path()).at(0);
  const auto size = std::filesystem::file_size(file);
  {
    const test::FileSizeLimit limit(size + 20);  // within the next record
    CHECK(error_of([&] { writer.add_scalar("a", 2, 2); }) ==
          "SummaryWriter: cannot write " + file + ": File too large");
    CHECK(std::filesystem::file_size(file) == size);
  }
  writer.add_scalar("a", 3, 3);  // takes along what waits
  CHECK(read_events(directory.path()).size() == 4);
}

TEST_CASE("a folder that cannot be written to") {
  const TemporaryDirectory directory;
  test::write_all(directory / "file", "");
  const std::string below = directory / "file/run";
  CHECK(error_of([&] { SummaryWriter writer(below); }) ==
        "SummaryWriter: cannot make the folder " + below + ": Not a directory");
  const std::string nowhere = "/proc/fusegrad";
  CHECK(error_of([&] {
          SummaryWriter writer(nowhere);
        }).starts_with("SummaryWriter: cannot make the folder /proc/fusegrad: "));
  CHECK(error_of([&] { SummaryWriter writer(SummaryWriterOptions("x").max_queue(0)); }) ==
        "SummaryWriter: max_queue must be positive and flush_secs must not be negative, got 0 and "
        "120");
}
