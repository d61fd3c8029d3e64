#include "train_examples/common/options.h"

#include <exception>
#include <iostream>

#include "autograd/graph_dot.h"
#include "cuda/device.h"
#include "serialize/graphviz.h"
#include "train_examples/common/profiled_steps.h"

namespace fg::examples {
namespace {

/// CLI11's own checks answer with the range of all doubles, 300 digits long.
CLI::Validator number_check(const char* wanted, const char* type, bool (*good)(double)) {
  const auto check = [wanted, good](std::string& text) {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && good(value)) return std::string();
    return std::string("expected ") + wanted + ", got '" + text + "'";
  };
  return CLI::Validator(check, type);
}

}  // namespace

const CLI::Validator kPositive =
    number_check("a number above 0", "POSITIVE", [](double value) { return value > 0; });
const CLI::Validator kNotNegative =
    number_check("a number not below 0", "NONNEGATIVE", [](double value) { return value >= 0; });

void add_device_flag(CLI::App& app, std::string& device) {
  app.add_option("--device", device, "Where to compute")->check(CLI::IsMember({"cpu", "cuda"}));
}

Device checked_device(const std::string& device) {
  const Device result(device);
  ENSURE(result.is_cpu() || cuda::is_available(), "--device: no GPU can be used, ",
         cuda::driver_answer());
  return result;
}

void add_tensorboard_flag(CLI::App& app, std::string& folder) {
  app.add_option("--tensorboard", folder, "Folder for TensorBoard's event files")->type_name("DIR");
}

void add_progress_flag(CLI::App& app, bool& progress) {
  app.add_flag("!--no-progress", progress, "No bar, also where stderr is a terminal");
}

void add_dot_flag(CLI::App& app, std::string& dot) {
  app.add_option("--dot", dot,
                 "Draw the first step's tape: .dot, or .svg where graphviz is installed")
      ->type_name("FILE");
}

void save_tape(const std::string& dot, const Tensor& result, const nn::Module& model) {
  if (!dot.empty()) save_dot(dot, make_dot(result, model.named_parameters()));
}

void add_graph_flag(CLI::App& app, bool& graph) {
  app.add_flag("--graph", graph, "Training steps as one CUDA graph each");
}

void show_graph(bool graph, Device device) {
  if (!graph) return;
  std::cout << (device.is_cuda() ? "--graph: training steps are replayed as a CUDA graph\n"
                                 : "--graph: no effect on the CPU\n");
}

autocast autocast_guard(const Options& options) {
  return autocast(options.device.type(), options.amp, options.amp.has_value());
}

amp::GradScaler make_scaler(const Options& options) {
  return amp::GradScaler(amp::GradScalerOptions().enabled(options.amp == kHalf));
}

int run_program(int argc, char** argv, const std::string& name, const std::string& description,
                const std::function<void(CLI::App& app)>& add_flags,
                const std::function<void()>& run) {
  CLI::App app(description, name);
  app.get_formatter()->column_width(34);
  app.option_defaults()->always_capture_default();
  add_flags(app);
  try {
    app.parse(argc, argv);
    run();
    return 0;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return 2;
  }
}

int run_example(int argc, char** argv, Options& options, const std::string& description,
                const std::function<void(CLI::App& app)>& add_flags,
                const std::function<void()>& train) {
  options.out = "runs/" + options.name;
  std::string device = "cpu", amp = "off";
  const auto add_all = [&](CLI::App& app) {
    app.add_option("--data", options.data, "File or folder with the data")->type_name("PATH");
    app.add_option("--epochs", options.epochs, "Passes over the data")->check(kPositive);
    app.add_option("--batch-size", options.batch_size, "Examples per step")->check(kPositive);
    app.add_option("--lr", options.lr, "Learning rate")->check(kNotNegative);
    app.add_option("--seed", options.seed, "Seed of weights and order");
    app.add_option("--out", options.out, "Folder for log, curve and weights")->type_name("DIR");
    add_device_flag(app, device);
    app.add_option("--amp", amp, "Mixed precision, with products in 16 bits")
        ->check(CLI::IsMember({"off", "bf16", "fp16"}));
    app.add_option("--resume", options.resume, "Checkpoint to go on from")->type_name("FILE");
    add_tensorboard_flag(app, options.tensorboard);
    add_progress_flag(app, options.progress);
    add_profile_flag(app, options.profile);
    if (add_flags) add_flags(app);
  };
  return run_program(argc, argv, options.name, description, add_all, [&] {
    options.device = checked_device(device);
    if (amp != "off") options.amp = amp == "fp16" ? kHalf : kBFloat16;
    show_graph(options.graph, options.device);
    train();
  });
}

}  // namespace fg::examples
