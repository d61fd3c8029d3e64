// What all examples understand on their command line, and how they end.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "autograd/autocast.h"
#include "nn/module.h"
#include "optim/grad_scaler.h"

namespace fg::examples {

/// The flags of every example. An example sets its defaults before it parses.
struct Options {
  std::string name;  // of the example
  std::string data;  // file or folder
  int64_t epochs = 10;
  int64_t batch_size = 64;
  double lr = 1e-3;
  uint64_t seed = 0;
  std::string out;  // folder of the results; runs/<name> by default
  Device device = kCPU;
  bool graph = false;        // whole training steps as a CUDA graph
  optional<ScalarType> amp;  // the 16-bit type of mixed precision, if that is wanted
  std::string resume;        // checkpoint to go on from
  std::string tensorboard;   // folder for event files
  bool progress = true;      // a bar, where stderr is a terminal
  std::string profile;       // file for a trace
};

/// Checks of a flag's number.
extern const CLI::Validator kPositive, kNotNegative;

/// Adds --device, which is "cpu" or "cuda"; checked_device(text) throws when there is no such device.
void add_device_flag(CLI::App& app, std::string& device);
Device checked_device(const std::string& device);

/// Parses the flags that `add_flags` adds, and runs. Returns the exit status: 0, or 2 after one line on
/// stderr that begins with `name` and says which flag or file is wrong.
int run_program(int argc, char** argv, const std::string& name, const std::string& description,
                const std::function<void(CLI::App& app)>& add_flags,
                const std::function<void()>& run);

/// Adds --tensorboard, a folder for event files.
void add_tensorboard_flag(CLI::App& app, std::string& folder);
/// Adds --no-progress.
void add_progress_flag(CLI::App& app, bool& progress);

/// Adds --dot; save_tape writes the tape behind `result` to that file, if one was named.
void add_dot_flag(CLI::App& app, std::string& dot);
void save_tape(const std::string& dot, const Tensor& result, const nn::Module& model);

/// Adds --graph; show_graph says what it does on the device.
void add_graph_flag(CLI::App& app, bool& graph);
void show_graph(bool graph, Device device);

/// What --amp asks for: a guard for forward pass and loss, and a scaler, which only float16 needs.
autocast autocast_guard(const Options& options);
amp::GradScaler make_scaler(const Options& options);

/// run_program with the flags of every example, to which `add_flags` may add its own.
int run_example(int argc, char** argv, Options& options, const std::string& description,
                const std::function<void(CLI::App& app)>& add_flags,
                const std::function<void()>& train);

}  // namespace fg::examples
