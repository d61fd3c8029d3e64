#include "train_examples/common/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

#include "nn/summary.h"

namespace fg::examples {
namespace {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string duration(double seconds) {
  const auto total = int64_t(std::llround(std::min(seconds, 359999.0)));
  char text[32];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%d:%02d:%02d", int(total / 3600), int(total / 60 % 60),
                  int(total % 60));
  else
    std::snprintf(text, sizeof text, "%d:%02d", int(total / 60), int(total % 60));
  return text;
}

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

std::string format_metrics(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    if (!text.empty()) text += "  ";
    const bool is_fraction = name.find("accuracy") != std::string::npos;
    text += name + " " + (is_fraction ? format("%.2f %%", 100 * value) : format("%.4f", value));
  }
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

Progress::Progress(std::string unit, int64_t total, int64_t done, bool shows_bar)
    : unit_(std::move(unit)),
      total_(total),
      done_before_(done),
      shows_bar_(shows_bar && isatty(STDERR_FILENO)) {}
Progress::~Progress() { hide(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}
double Progress::samples_per_second() const { return double(num_samples_) / seconds(); }

std::string Progress::pace(double done) const {
  std::string text;
  if (num_samples_ > 0)
    text = nn::detail::grouped(std::llround(samples_per_second())) + " samples/s";
  const double done_here = done - double(done_before_);
  if (done_here > 0)
    text += "  " + duration(seconds() / done_here * (double(total_) - done)) + " left";
  return text;
}

void Progress::hide() {
  if (!shows_bar_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

void Progress::advance(int64_t samples, double done, const Metrics& metrics) {
  num_samples_ += samples;
  const auto now = Clock::now();
  if (!shows_bar_ || now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  constexpr int kBarWidth = 24;
  const int filled = std::clamp(int(done / double(total_) * kBarWidth), 0, kBarWidth);
  std::string line = "[" + std::string(size_t(filled), '#') +
                     std::string(size_t(kBarWidth - filled), '.') + "] " + unit_ + " " +
                     format("%.0f", std::min(std::floor(done) + 1, double(total_))) + "/" +
                     std::to_string(total_) + "  " + format_metrics(metrics) + "  " + pace(done);
  // A longer line would wrap, and a wrapped line cannot be taken back.
  line.resize(std::min(line.size(), terminal_width() - 1));
  std::fputs(("\r\033[K" + line).c_str(), stderr);
  std::fflush(stderr);
}

void Progress::finish(int64_t unit, const Metrics& metrics) {
  hide();
  const std::string number = std::to_string(unit), total = std::to_string(total_);
  std::printf("%s %s%s/%s  %s  %s\n", unit_.c_str(),
              std::string(total.size() - std::min(total.size(), number.size()), ' ').c_str(),
              number.c_str(), total.c_str(), format_metrics(metrics).c_str(),
              pace(double(unit)).c_str());
  std::fflush(stdout);
}

}  // namespace fg::examples
