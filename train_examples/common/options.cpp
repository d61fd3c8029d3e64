#include "train_examples/common/options.h"

#include <exception>
#include <iostream>

#include "cuda/device.h"

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

int run_example(int argc, char** argv, Options& options, const std::string& description,
                const std::function<void(CLI::App& app)>& add_flags,
                const std::function<void()>& train) {
  CLI::App app(description, options.name);
  app.get_formatter()->column_width(34);
  app.option_defaults()->always_capture_default();
  options.out = "runs/" + options.name;
  app.add_option("--data", options.data, "File or folder with the data")->type_name("PATH");
  app.add_option("--epochs", options.epochs, "Passes over the data")->check(kPositive);
  app.add_option("--batch-size", options.batch_size, "Examples per step")->check(kPositive);
  app.add_option("--lr", options.lr, "Learning rate")->check(kNotNegative);
  app.add_option("--seed", options.seed, "Seed of weights and order");
  app.add_option("--out", options.out, "Folder for log, curve and weights")->type_name("DIR");
  std::string device = "cpu";
  app.add_option("--device", device, "Where to compute")->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--resume", options.resume, "Checkpoint to go on from")->type_name("FILE");
  if (add_flags) add_flags(app);
  try {
    app.parse(argc, argv);
    options.device = Device(device);
    ENSURE(options.device.is_cpu() || cuda::is_available(), "--device: no GPU can be used, ",
           cuda::driver_answer());
    train();
    return 0;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::cerr << options.name << ": " << error.what() << std::endl;
    return 2;
  }
}

}  // namespace fg::examples
