#include "data/loader.h"

namespace fg::data {
namespace {

std::string describe(const std::exception_ptr& exception) {
  std::string text = "Caught exception in DataLoader worker thread.";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    text += " Original message: " + std::string(error.what());
  } catch (...) {
    text += " It is not a std::exception.";
  }
  return text;
}

}  // namespace

FullDataLoaderOptions::FullDataLoaderOptions(const DataLoaderOptions& options)
    : batch_size(options.batch_size()),
      workers(options.workers()),
      max_jobs(options.max_jobs().value_or(2 * workers)),
      timeout(options.timeout()),
      enforce_ordering(options.enforce_ordering()),
      drop_last(options.drop_last()),
      pin_memory(options.pin_memory()) {
  ENSURE(batch_size > 0, "DataLoader: batch_size must be positive, got 0");
  ENSURE(workers == 0 || max_jobs > 0, "DataLoader: max_jobs must be positive with workers, got 0");
}

WorkerException::WorkerException(std::exception_ptr original)
    : Error(describe(original)), original_exception(std::move(original)) {}

}  // namespace fg::data
