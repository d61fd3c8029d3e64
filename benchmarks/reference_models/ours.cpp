// fusegrad_model_bench: training steps of the reference models on one GPU, timed as pytorch.py times PyTorch's; compare.py
// runs both. A step is the forward pass, the mean squared error against a fixed target, the backward pass to all
// parameters but not to the input, and AdamW. bf16 is an input in bfloat16 and parameters in float32. Each figure is the
// median of single steps between two events; before each a buffer larger than the L2 cache is read.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nlohmann/json.hpp>

#include "benchmarks/gpu/timing.h"
#include "cuda/launch.h"
#include "fusegrad.h"
#include "nn/models/reference_models.h"

using namespace fg;
using nlohmann::json;
using nn::models::ReferenceModel;
using nn::models::ReferenceModelKind;

namespace {

constexpr int64_t kFlushBytes = int64_t(256) << 20;
constexpr double kLearningRate = 1e-4;
constexpr int kWarmUp = 5;

/// With "+graph", each measured phase is one CUDA graph.
const std::vector<std::string> kForms{"fused", "fused+graph", "composed", "composed+graph"};

struct Settings {
  std::vector<std::string> models, precisions{"fp32", "tf32", "bf16"},
      forms{"fused", "fused+graph", "composed"};
  std::string size = "full", out;
  int samples = 50;
};

struct Precision {
  ScalarType type;
  bool tf32;
};
const std::map<std::string, Precision> kPrecisions{
    {"fp32", {kFloat, false}}, {"tf32", {kFloat, true}}, {"bf16", {kBFloat16, false}}};

void set_switches(const Precision& precision) {
  Context& context = globalContext();
  context.setAllowTF32CuBLAS(precision.tf32);
  context.setAllowTF32CuDNN(precision.tf32);
  context.setBenchmarkCuDNN(true);
  context.setBenchmarkCuBLASLt(true);
}

json switches(const Precision& precision) {
  set_switches(precision);
  const Context& context = globalContext();
  return {{"tf32_products", context.allowTF32CuBLAS()},
          {"tf32_convolutions", context.allowTF32CuDNN()},
          {"cudnn_benchmark", context.benchmarkCuDNN()},
          {"cudnn_deterministic", context.deterministicCuDNN()},
          {"cublaslt_benchmark", context.benchmarkCuBLASLt()},
          {"computation", str(precision.type)}};
}

/// TFLOP/s of a product of two square matrices.
double product_rate(const Precision& precision, int64_t extent) {
  set_switches(precision);
  const TensorOptions gpu = TensorOptions(precision.type).device(kCUDA);
  const Tensor a = rand({extent, extent}, gpu), b = rand({extent, extent}, gpu);
  const double ms = bench::gpu::median_ms([&] { mm(a, b); }, 5, 1);
  cuda::empty_cache();
  return 2 * double(extent) * double(extent) * double(extent) / ms / 1e9;
}

json machine(const Settings& settings) {
  json result;
  int runtime = 0;
  CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  result["gpu"] = cuda::device_properties().name;
  result["cuda"] = runtime;
  result["cublaslt"] = cublasLtGetVersion();
  result["cudnn"] = cudnnGetVersion();
  const bool full = settings.size == "full";
  if (full) result["copy_gb_per_s"] = bench::gpu::copy_bandwidth() / 1e9;
  for (const std::string& name : settings.precisions) {
    result["switches"][name] = switches(kPrecisions.at(name));
    if (full) result["product_tflop_per_s"][name] = product_rate(kPrecisions.at(name), 8192);
  }
  return result;
}

/// A model with its data and its optimizer.
class Training {
 public:
  Training(const ReferenceModelKind& kind, bool full, const Precision& precision, bool fused)
      : model_(kind.make(full ? kind.full : kind.small)),
        x_(rand((full ? kind.full : kind.small).input, kCUDA).to(precision.type)) {
    set_switches(precision);
    model_->use_fused(fused);
    model_->to(kCUDA);
    optimizer_ =
        std::make_unique<optim::AdamW>(model_->parameters(), optim::AdamWOptions(kLearningRate));
    NoGradGuard guard;
    target_ = randn(model_->forward(x_).sizes(), kCUDA);
  }

  Tensor forward() { return model_->forward(x_); }
  /// Of the results in float32, in 16-bit runs too.
  Tensor loss(const Tensor& y) { return mse_loss(y, target_); }
  void zero_grad() { optimizer_->zero_grad(); }
  void update() { optimizer_->step(); }

  void forward_backward() {
    zero_grad();
    loss(forward()).backward();
  }
  void step() {
    forward_backward();
    update();
  }

 private:
  std::shared_ptr<ReferenceModel> model_;
  Tensor x_, target_;
  std::unique_ptr<optim::AdamW> optimizer_;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + int64_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Marks in the current stream, and the time and the launches between each and the one before it.
class Marks {
 public:
  void mark(const std::string& end_of) {
    marks_.push_back({end_of, cuda::Event(true), cuda::launch_count()});
    marks_.back().event.record();
  }
  void read(std::map<std::string, std::vector<double>>& ms, json& launches) {
    for (size_t i = 1; i < marks_.size(); ++i) {
      marks_[i].event.synchronize();
      ms[marks_[i].name].push_back(marks_[i - 1].event.elapsed_time(marks_[i].event));
      launches[marks_[i].name] = marks_[i].launches - marks_[i - 1].launches;
    }
  }

 private:
  struct Mark {
    std::string name;
    cuda::Event event;
    int64_t launches;
  };
  std::vector<Mark> marks_;
};

class Timer {
 public:
  explicit Timer(int samples)
      : samples_(samples), buffer_(ones({kFlushBytes / 4}, TensorOptions(kCUDA))) {}

  double median_ms(const std::function<void()>& body) const {
    for (int i = 0; i < kWarmUp; ++i) body();
    std::vector<Marks> marks(static_cast<size_t>(samples_));
    for (Marks& sample : marks) {
      buffer_.sum();
      sample.mark("begin");
      body();
      sample.mark("body");
    }
    std::map<std::string, std::vector<double>> ms;
    json launches;
    for (Marks& sample : marks) sample.read(ms, launches);
    return median(ms.at("body"));
  }

  /// Of what `body` runs, without what lies there for timing alone.
  double peak_mebibytes(const std::function<void()>& body) const {
    cuda::reset_peak_memory_stats();
    body();
    cuda::synchronize();
    return double(cuda::max_memory_allocated() - kFlushBytes) / (1 << 20);
  }

  /// Where the time of a step goes: medians of its phases, and the kernels that this library starts in each. The
  /// events between them cost a few microseconds.
  json phases(Training& training) const {
    std::map<std::string, std::vector<double>> ms;
    json launches;
    for (int i = 0; i < samples_; ++i) {
      Marks marks;
      training.zero_grad();
      buffer_.sum();
      marks.mark("begin");
      const Tensor y = training.forward();
      marks.mark("forward");
      y.register_hook([&](const Tensor&) { marks.mark("loss_backward"); });
      const Tensor loss = training.loss(y);
      marks.mark("loss");
      loss.backward();
      marks.mark("backward");
      training.update();
      marks.mark("optimizer");
      marks.read(ms, launches);
    }
    json result;
    for (const auto& [name, times] : ms)
      result[name] = {{"ms", median(times)}, {"launches", launches.at(name)}};
    return result;
  }

 private:
  int samples_;
  Tensor buffer_;
};

/// `body`, which has run before, as one CUDA graph; `nodes` gets the number of its kernels, copies and fills.
std::function<void()> captured(const std::function<void()>& body, json& nodes) {
  const auto graph = std::make_shared<cuda::Graph>();
  graph->capture(body);
  nodes = graph->num_nodes();
  return [graph] { graph->replay(); };
}

json measure(Training& training, const Timer& timer, bool graph) {
  json row;
  const auto time = [&](const char* name, const std::function<void()>& body) {
    const auto run = graph ? captured(body, row[str(name, "_nodes")]) : body;
    row[str(name, "_ms")] = timer.median_ms(run);
  };
  training.step();  // the optimizer's state, and what is measured or planned once
  row["peak_mib"] = timer.peak_mebibytes([&] { time("step", [&] { training.step(); }); });
  training.zero_grad();
  time("forward", [&] { training.forward(); });
  time("forward_backward", [&] { training.forward_backward(); });
  if (!graph) row["phases"] = timer.phases(training);
  return row;
}

void write(const std::string& path, const json& content) {
  std::ofstream file(path);
  file << content.dump(1) << '\n';
  ENSURE(file.good(), "fusegrad_model_bench: ", path, " cannot be written");
}

void report(const json& row, double seconds) {
  std::printf("[%4.0f s] %-22s %s %-14s", seconds, row["model"].get<std::string>().c_str(),
              row["precision"].get<std::string>().c_str(), row["mode"].get<std::string>().c_str());
  if (row.contains("error"))
    std::printf(" failed: %s\n", row["error"].get<std::string>().c_str());
  else
    std::printf(" step %.4f ms, forward %.4f, forward and backward %.4f, peak %.0f MiB\n",
                row["step_ms"].get<double>(), row["forward_ms"].get<double>(),
                row["forward_backward_ms"].get<double>(), row["peak_mib"].get<double>());
  std::fflush(stdout);
}

void run(const Settings& settings) {
  const auto start = std::chrono::steady_clock::now();
  json result{{"machine", machine(settings)}, {"rows", json::array()}};
  const Timer timer(settings.samples);
  for (const std::string& model : settings.models)
    for (const std::string& precision : settings.precisions)
      for (const std::string& form : settings.forms) {
        json row{{"model", model}, {"precision", precision}, {"mode", form}};
        try {
          manual_seed(0);
          Training training(nn::models::reference_model(model), settings.size == "full",
                            kPrecisions.at(precision), form.starts_with("fused"));
          row.update(measure(training, timer, form.ends_with("+graph")));
        } catch (const Error& error) {  // one row that fails must not cost the others
          row["error"] = error.what();
        }
        cuda::empty_cache();
        result["rows"].push_back(row);
        write(settings.out, result);
        report(row,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::vector<std::string> precisions;
  for (const auto& precision : kPrecisions) precisions.push_back(precision.first);
  for (const auto& kind : nn::models::reference_models()) settings.models.push_back(kind.name);
  CLI::App app("Times training steps of the reference models on a GPU", "fusegrad_model_bench");
  const auto list = [&](const char* flag, std::vector<std::string>& values,
                        const std::vector<std::string>& known) {
    app.add_option(flag, values)->delimiter(',')->check(CLI::IsMember(known));
  };
  list("--models", settings.models, std::vector<std::string>(settings.models));
  list("--precisions", settings.precisions, precisions);
  list("--forms", settings.forms, kForms);
  app.add_option("--size", settings.size)->check(CLI::IsMember({"full", "small"}));
  app.add_option("--samples", settings.samples)->check(CLI::PositiveNumber);
  app.add_option("--out", settings.out, "The JSON file")->required();
  CLI11_PARSE(app, argc, argv);
  if (!cuda::is_available()) {
    std::cerr << "fusegrad_model_bench: no GPU can be used, " << cuda::driver_answer() << '\n';
    return 77;
  }
  try {
    run(settings);
  } catch (const Error& error) {
    std::cerr << "fusegrad_model_bench: " << error.what() << '\n';
    return 2;
  }
}
