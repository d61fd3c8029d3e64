#include "train_examples/common/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace fg::examples {
namespace {

constexpr double kPlotWidth = 380, kPlotHeight = 230;
constexpr double kLeft = 64, kRight = 72, kTop = 92, kBottom = 52;
constexpr double kPanelWidth = kLeft + kPlotWidth + kRight;
// Okabe and Ito's colours: also told apart by the colour-blind, and in grey.
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"};

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}
std::string pixel(double value) { return format("%.1f", value); }

std::string label(double value, const Panel& panel) {
  return panel.is_fraction ? format("%.4g %%", 100 * value) : format("%.4g", value);
}

std::string text(double x, double y, const std::string& content, const std::string& attributes) {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" " + attributes + ">" +
         escape_xml(content) + "</text>\n";
}
std::string line(double x1, double y1, double x2, double y2, const std::string& color) {
  return "<line x1=\"" + pixel(x1) + "\" y1=\"" + pixel(y1) + "\" x2=\"" + pixel(x2) + "\" y2=\"" +
         pixel(y2) + "\" stroke=\"" + color + "\"/>\n";
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Some extent, also around a single value or none.
  Range widened() const {
    if (low > high) return {0, 1};
    return low < high ? *this : Range{low - 0.5, high + 0.5};
  }
};

/// One panel; its origin is the plot's upper left corner.
class PanelDrawing {
 public:
  PanelDrawing(const Panel& panel, double left) : panel_(panel), left_(left) {
    for (const Series& series : panel.series) {
      for (const double x : series.x) x_.add(x);
      for (const double y : series.y) y_.add(y);
    }
    x_ = x_.widened();
    if (panel.is_fraction) y_.add(1);
    if (!panel.is_fraction && y_.low > 0) y_.add(0);
    y_ = y_.widened();
    y_ticks_ = round_ticks(y_.low, y_.high, 5);
    y_ = {y_ticks_.front(), panel.is_fraction ? y_.high : y_ticks_.back()};
    while (y_ticks_.back() > y_.high + 1e-9) y_ticks_.pop_back();
  }

  std::string draw(const std::string& x_label) const {
    std::string out = text(left_, kTop - 34, panel_.title, "class=\"title\"");
    for (const double y : y_ticks_) {
      out += line(left_, at_y(y), left_ + kPlotWidth, at_y(y), "#e3e3e3");
      out += text(left_ - 8, at_y(y) + 4, label(y, panel_), "class=\"tick\" text-anchor=\"end\"");
    }
    for (const double x : round_ticks(x_.low, x_.high, 6)) {
      // Epochs and steps are whole numbers.
      if (x < x_.low - 1e-9 || x > x_.high + 1e-9 || std::abs(x - std::round(x)) > 1e-9) continue;
      out += line(at_x(x), kTop + kPlotHeight, at_x(x), kTop + kPlotHeight + 5, "#444");
      out += text(at_x(x), kTop + kPlotHeight + 19, format("%.6g", x),
                  "class=\"tick\" text-anchor=\"middle\"");
    }
    out += line(left_, kTop + kPlotHeight, left_ + kPlotWidth, kTop + kPlotHeight, "#444");
    out += line(left_, kTop, left_, kTop + kPlotHeight, "#444");
    out += text(left_ + kPlotWidth / 2, kTop + kPlotHeight + 40, x_label,
                "class=\"axis\" text-anchor=\"middle\"");
    return out + curves() + legend();
  }

 private:
  double at_x(double x) const { return left_ + kPlotWidth * (x - x_.low) / (x_.high - x_.low); }
  double at_y(double y) const {
    return kTop + kPlotHeight * (1 - (y - y_.low) / (y_.high - y_.low));
  }

  std::string curves() const {
    std::string out;
    std::vector<std::pair<double, std::string>> last_values;
    for (size_t s = 0; s < panel_.series.size(); ++s) {
      const Series& series = panel_.series[s];
      const std::string color = kColors[s % std::size(kColors)];
      std::string points, dots;
      double x = NAN, y = NAN;
      for (size_t i = 0; i < series.x.size(); ++i) {
        if (!std::isfinite(series.y[i])) continue;
        x = at_x(series.x[i]), y = at_y(series.y[i]);
        points += pixel(x) + "," + pixel(y) + " ";
        if (series.x.size() <= 40)
          dots += "<circle cx=\"" + pixel(x) + "\" cy=\"" + pixel(y) + "\" r=\"2.5\" fill=\"" +
                  color + "\"/>\n";
      }
      if (points.empty()) continue;
      out += "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + color +
             "\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n" + dots;
      last_values.emplace_back(y, text(x + 7, 0, label(series.y.back(), panel_),
                                       "class=\"last\" fill=\"" + color + "\""));
    }
    return out + spread(last_values);
  }

  /// The last values beside the ends of their curves, moved up where they would overlap.
  static std::string spread(std::vector<std::pair<double, std::string>> labels) {
    std::sort(labels.rbegin(), labels.rend());
    std::string out;
    double below = kTop + kPlotHeight + 15;
    for (const auto& [y, element] : labels) {
      below = std::min(y + 4, below - 15);
      out += "<g transform=\"translate(0," + pixel(below) + ")\">" + element + "</g>\n";
    }
    return out;
  }

  std::string legend() const {
    std::string out;
    double x = left_;
    for (size_t s = 0; s < panel_.series.size(); ++s) {
      const std::string color = kColors[s % std::size(kColors)];
      out += "<rect x=\"" + pixel(x) + "\" y=\"" + pixel(kTop - 21) +
             "\" width=\"16\" height=\"4\" rx=\"2\" fill=\"" + color + "\"/>\n";
      out += text(x + 21, kTop - 14, panel_.series[s].name, "class=\"legend\"");
      x += 42 + 7.2 * double(panel_.series[s].name.size());
    }
    return out;
  }

  const Panel& panel_;
  const double left_;
  Range x_, y_;
  std::vector<double> y_ticks_;
};

}  // namespace

std::string escape_xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::vector<double> round_ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= raw * 0.999) step = factor * power;
  std::vector<double> ticks;
  for (double k = std::floor(low / step + 1e-9); k * step < high + step * (1 - 1e-9); ++k)
    ticks.push_back(k * step);
  return ticks;
}

std::string draw_chart(const std::string& heading, const std::string& x_label,
                       const std::vector<Panel>& panels) {
  const double width = kPanelWidth * double(panels.size()), height = kTop + kPlotHeight + kBottom;
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + pixel(width) +
                    "\" height=\"" + pixel(height) + "\" viewBox=\"0 0 " + pixel(width) + " " +
                    pixel(height) + "\" fill=\"#222\">\n";
  out +=
      "<style>text{font-family:'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}"
      ".heading{font-size:17px;font-weight:600}.title{font-size:14px;font-weight:600}"
      ".tick,.last,.legend{font-size:12px}.axis{font-size:13px}.tick{fill:#555}</style>\n";
  out += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  out += text(kLeft, 30, heading, "class=\"heading\"");
  for (size_t i = 0; i < panels.size(); ++i)
    out += PanelDrawing(panels[i], kLeft + kPanelWidth * double(i)).draw(x_label);
  return out + "</svg>\n";
}

}  // namespace fg::examples
