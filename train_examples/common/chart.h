// Line charts as SVG.
#pragma once

#include <string>
#include <vector>

namespace fg::examples {

struct Series {
  std::string name;
  std::vector<double> x, y;  // points whose y is not finite are left out
};

struct Panel {
  std::string title;
  std::vector<Series> series;
  /// Values are fractions, shown as percentages on a scale that ends at 100 %.
  bool is_fraction = false;
};

/// Panels side by side, each with axes, ticks, a legend and the last value of each series.
std::string draw_chart(const std::string& heading, const std::string& x_label,
                       const std::vector<Panel>& panels);

/// `text` with the characters that mean something in XML replaced.
std::string escape_xml(const std::string& text);

/// About `count` round numbers (1, 2 or 5 times a power of ten) that span [low, high].
std::vector<double> round_ticks(double low, double high, int count);

}  // namespace fg::examples
