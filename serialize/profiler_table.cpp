// Sums by op, and their table.
#include <iomanip>
#include <map>
#include <sstream>

#include "serialize/profiler.h"
#include "tensor/format_bytes.h"

namespace fg::profiler {
namespace {

using Number = int64_t FunctionEventAvg::*;

constexpr std::pair<const char*, Number> kNumbers[] = {
    {"count", &FunctionEventAvg::count},
    {"cpu_time_total", &FunctionEventAvg::cpu_time_total},
    {"self_cpu_time_total", &FunctionEventAvg::self_cpu_time_total},
    {"device_time_total", &FunctionEventAvg::device_time_total},
    {"self_device_time_total", &FunctionEventAvg::self_device_time_total},
    {"cuda_time_total", &FunctionEventAvg::device_time_total},
    {"self_cuda_time_total", &FunctionEventAvg::self_device_time_total},
    {"cpu_memory_usage", &FunctionEventAvg::cpu_memory_usage},
    {"self_cpu_memory_usage", &FunctionEventAvg::self_cpu_memory_usage},
    {"device_memory_usage", &FunctionEventAvg::device_memory_usage},
    {"self_device_memory_usage", &FunctionEventAvg::self_device_memory_usage},
    {"cuda_memory_usage", &FunctionEventAvg::device_memory_usage},
    {"self_cuda_memory_usage", &FunctionEventAvg::self_device_memory_usage},
};

Number number_named(const std::string& name) {
  for (const auto& [known, number] : kNumbers)
    if (name == known) return number;
  std::string names;
  for (const auto& known : kNumbers) names += std::string(names.empty() ? "" : ", ") + known.first;
  fg::detail::fail(str("table: sort_by must be one of ", names, ", got '", name, "'"));
}

std::string shapes_text(const std::vector<InputShape>& shapes) {
  std::string text = "[";
  for (const InputShape& shape : shapes)
    text += (text.size() > 1 ? ", " : "") + str(IntArrayRef(shape.sizes));
  return text + "]";
}

/// The recording's averages in the making: each range's row, and what it has by itself and with inner ranges.
class Averager {
 public:
  Averager(const Recording& recording, bool by_shape)
      : events_(recording.events), by_shape_(by_shape), sums_(events_.size()) {
    sum_ranges(recording);
    for (size_t i = 0; i < events_.size(); ++i) add(i);
    for (const GpuEvent& work : recording.gpu) add(work);
  }
  KeyAverages take() { return std::move(rows_); }

 private:
  struct Sums {
    int64_t self_ns = 0, gpu_ns = 0, self_gpu_ns = 0, cpu_bytes = 0, gpu_bytes = 0;
    size_t row = 0;
  };

  void sum_ranges(const Recording& recording) {
    for (const GpuEvent& work : recording.gpu)
      if (work.event >= 0) sums_[size_t(work.event)].self_gpu_ns += work.duration_ns();
    for (size_t i = 0; i < events_.size(); ++i) {
      sums_[i].self_ns = events_[i].duration_ns();
      sums_[i].gpu_ns = sums_[i].self_gpu_ns;
      sums_[i].cpu_bytes = events_[i].cpu_bytes;
      sums_[i].gpu_bytes = events_[i].gpu_bytes;
    }
    // From the inside out: parents come first in the list.
    for (size_t i = events_.size(); i-- > 0;) {
      if (events_[i].parent < 0) continue;
      Sums& parent = sums_[size_t(events_[i].parent)];
      parent.self_ns -= events_[i].duration_ns();
      parent.gpu_ns += sums_[i].gpu_ns;
      parent.cpu_bytes += sums_[i].cpu_bytes;
      parent.gpu_bytes += sums_[i].gpu_bytes;
    }
  }

  size_t row_of(const std::string& name, EventKind kind, const std::vector<InputShape>& shapes) {
    const auto [found, added] =
        row_numbers_.try_emplace({name, kind, shapes_text(shapes)}, rows_.size());
    if (added) {
      FunctionEventAvg row;
      row.key = name;
      row.kind = kind;
      row.input_shapes = shapes;
      rows_.push_back(std::move(row));
    }
    return found->second;
  }

  bool is_within_its_row(size_t i) const {
    for (int64_t at = events_[i].parent; at >= 0; at = events_[size_t(at)].parent)
      if (sums_[size_t(at)].row == sums_[i].row) return true;
    return false;
  }

  void add(size_t i) {
    const Event& event = events_[i];
    const bool is_step = event.kind == EventKind::step;
    sums_[i].row = row_of(is_step ? "ProfilerStep*" : event.name, event.kind,
                          by_shape_ ? event.inputs : std::vector<InputShape>());
    FunctionEventAvg& row = rows_[sums_[i].row];
    ++row.count;
    row.self_cpu_time_total += sums_[i].self_ns;
    row.self_device_time_total += sums_[i].self_gpu_ns;
    row.self_cpu_memory_usage += event.cpu_bytes;
    row.self_device_memory_usage += event.gpu_bytes;
    if (is_within_its_row(i)) return;
    row.cpu_time_total += event.duration_ns();
    row.device_time_total += sums_[i].gpu_ns;
    row.cpu_memory_usage += sums_[i].cpu_bytes;
    row.device_memory_usage += sums_[i].gpu_bytes;
  }

  void add(const GpuEvent& work) {
    const auto [found, added] = gpu_rows_.try_emplace(work.name, rows_.size());
    if (added) {
      rows_.emplace_back().key = work.name;
      rows_.back().is_gpu_work = true;
    }
    FunctionEventAvg& row = rows_[found->second];
    ++row.count;
    row.device_time_total += work.duration_ns();
    row.self_device_time_total += work.duration_ns();
  }

  const std::vector<Event>& events_;
  const bool by_shape_;
  std::vector<Sums> sums_;
  std::map<std::tuple<std::string, EventKind, std::string>, size_t> row_numbers_;
  std::map<std::string, size_t> gpu_rows_;
  KeyAverages rows_;
};

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string format_time(double nanoseconds) {
  if (nanoseconds >= 1e9) return fixed(nanoseconds / 1e9, 3) + "s";
  if (nanoseconds >= 1e6) return fixed(nanoseconds / 1e6, 3) + "ms";
  return fixed(nanoseconds / 1e3, 3) + "us";
}

std::string percent(int64_t part, int64_t whole) {
  return whole == 0 ? "-" : fixed(100 * double(part) / double(whole), 2) + "%";
}

struct Column {
  std::string title;
  std::function<std::string(const FunctionEventAvg&)> cell;
  size_t width = 0;
};

/// What the columns of a table need to know of all rows.
struct Totals {
  int64_t cpu_ns = 0, gpu_ns = 0;
  bool cpu_memory = false, gpu_memory = false, shapes = false;

  explicit Totals(const KeyAverages& rows) {
    for (const FunctionEventAvg& row : rows) {
      cpu_ns += row.self_cpu_time_total;
      if (row.is_gpu_work) gpu_ns += row.self_device_time_total;
      cpu_memory = cpu_memory || row.cpu_memory_usage || row.self_cpu_memory_usage;
      gpu_memory = gpu_memory || row.device_memory_usage || row.self_device_memory_usage;
      shapes = shapes || !row.input_shapes.empty();
    }
  }
};

void add_times(std::vector<Column>& columns, const std::string& device, Number self, Number total,
               int64_t sum) {
  const auto time = [](Number number) {
    return [number](const FunctionEventAvg& row) { return format_time(double(row.*number)); };
  };
  const auto share = [sum](Number number) {
    return [number, sum](const FunctionEventAvg& row) { return percent(row.*number, sum); };
  };
  columns.push_back({"Self " + device + " %", share(self)});
  columns.push_back({"Self " + device, time(self)});
  columns.push_back({device + " total %", share(total)});
  columns.push_back({device + " total", time(total)});
  columns.push_back({device + " time avg", [total](const FunctionEventAvg& row) {
                       return format_time(double(row.*total) / double(row.count));
                     }});
}

void add_memory(std::vector<Column>& columns, const std::string& device, Number self,
                Number total) {
  const auto bytes = [](Number number) {
    return [number](const FunctionEventAvg& row) { return format_bytes(row.*number); };
  };
  columns.push_back({device + " Mem", bytes(total)});
  columns.push_back({"Self " + device + " Mem", bytes(self)});
}

std::vector<Column> columns_of(const Totals& totals) {
  using Row = FunctionEventAvg;
  constexpr size_t kLongestName = 55;
  std::vector<Column> columns{{"Name", [](const Row& row) {
                                 return row.key.size() <= kLongestName
                                            ? row.key
                                            : row.key.substr(0, kLongestName - 3) + "...";
                               }}};
  add_times(columns, "CPU", &Row::self_cpu_time_total, &Row::cpu_time_total, totals.cpu_ns);
  if (totals.cpu_memory)
    add_memory(columns, "CPU", &Row::self_cpu_memory_usage, &Row::cpu_memory_usage);
  if (totals.gpu_ns > 0)
    add_times(columns, "CUDA", &Row::self_device_time_total, &Row::device_time_total,
              totals.gpu_ns);
  if (totals.gpu_memory)
    add_memory(columns, "CUDA", &Row::self_device_memory_usage, &Row::device_memory_usage);
  columns.push_back({"# of Calls", [](const Row& row) { return std::to_string(row.count); }});
  if (totals.shapes)
    columns.push_back(
        {"Input Shapes", [](const Row& row) { return shapes_text(row.input_shapes); }});
  return columns;
}

}  // namespace

KeyAverages key_averages(const Recording& recording, bool group_by_input_shape) {
  return Averager(recording, group_by_input_shape).take();
}

std::string KeyAverages::table(const std::string& sort_by, int64_t row_limit) const {
  std::vector<const FunctionEventAvg*> rows;
  for (const FunctionEventAvg& row : *this) rows.push_back(&row);
  if (!sort_by.empty())
    std::stable_sort(rows.begin(), rows.end(),
                     [by = number_named(sort_by)](auto* a, auto* b) { return a->*by > b->*by; });
  if (row_limit >= 0 && int64_t(rows.size()) > row_limit) rows.resize(size_t(row_limit));

  const Totals totals(*this);
  std::vector<Column> columns = columns_of(totals);
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : columns) cells[0].push_back(column.title);
  for (const FunctionEventAvg* row : rows)
    for (cells.emplace_back(); const Column& column : columns)
      cells.back().push_back(column.cell(*row));
  std::string line;
  for (size_t c = 0; c < columns.size(); ++c) {
    for (const auto& row : cells) columns[c].width = std::max(columns[c].width, row[c].size());
    line += (c > 0 ? "  " : "") + std::string(columns[c].width, '-');
  }
  line += '\n';
  std::ostringstream out;
  for (size_t r = 0; r < cells.size(); ++r) {
    if (r < 2) out << line;
    for (size_t c = 0; c < columns.size(); ++c)
      out << (c == 0 ? "" : "  ") << (c == 0 ? std::left : std::right)
          << std::setw(int(columns[c].width)) << cells[r][c];
    out << '\n';
  }
  out << line << "Self CPU time total: " << format_time(double(totals.cpu_ns)) << '\n';
  if (totals.gpu_ns > 0)
    out << "Self CUDA time total: " << format_time(double(totals.gpu_ns)) << '\n';
  return out.str();
}

}  // namespace fg::profiler
