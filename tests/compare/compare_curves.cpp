// Trains one net of the loss-curve fixtures and writes its losses; tests/compare.py runs it beside PyTorch.
#include <cstdio>
#include <iostream>

#include "serialize/file.h"
#include "tests/compare/curve_nets.h"

namespace {

constexpr const char* kUsage =
    "Usage: compare_curves --fixtures FILE.safetensors --case NAME --out FILE.jsonl\n";

/// One {"step": i, "loss": x} per line, with all digits of x.
std::string as_lines(const std::vector<double>& losses) {
  std::string text;
  for (size_t step = 0; step < losses.size(); ++step) {
    char line[80];
    std::snprintf(line, sizeof line, "{\"step\": %zu, \"loss\": %.17g}\n", step, losses[step]);
    text += line;
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  if (argc != 7 || !flags.count("--fixtures") || !flags.count("--case") || !flags.count("--out")) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    const fg::test::FixtureFile file(flags["--fixtures"]);
    fg::write_file("compare_curves", flags["--out"],
                   as_lines(fg::test::train_curve(file, flags["--case"])));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
