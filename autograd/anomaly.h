// Anomaly mode: nodes remember which module the forward op ran in (module_scope.h), and backward
// passes look for NaN.
#pragma once

namespace fg {

struct AnomalyMode {
  static bool is_enabled();
  static bool checks_nan();
  static void set_enabled(bool enabled, bool check_nan = true);
};

/// Turns anomaly mode on (or off) for a scope.
class DetectAnomalyGuard {
 public:
  explicit DetectAnomalyGuard(bool enabled = true, bool check_nan = true);
  ~DetectAnomalyGuard();
  DetectAnomalyGuard(const DetectAnomalyGuard&) = delete;
  DetectAnomalyGuard& operator=(const DetectAnomalyGuard&) = delete;

 private:
  bool previous_enabled_;
  bool previous_check_nan_;
};

}  // namespace fg
