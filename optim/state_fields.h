// Named fields of options and states, written to and read from a StateDict. Every type lists its
// fields once, in `template <class Self, class Visitor> static void visit_fields(Self& self,
// Visitor& visit)`.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tensor/state_dict.h"

namespace fg::optim {

/// Adds fields to a dictionary as `prefix.name`, or `name` if the prefix is empty. Numbers
/// become 0-dim tensors (Double, Long, Bool), a string becomes its bytes, a list one entry per
/// tensor; absent values and undefined tensors leave no entry. Tensors are shared.
class FieldWriter {
 public:
  FieldWriter(StateDict& dict, std::string prefix) : dict_(dict), prefix_(std::move(prefix)) {}

  void operator()(const char* name, double value);
  void operator()(const char* name, int64_t value);
  void operator()(const char* name, bool value);
  void operator()(const char* name, const std::vector<double>& values);
  void operator()(const char* name, const std::vector<int64_t>& values);
  void operator()(const char* name, const std::tuple<double, double>& pair);
  void operator()(const char* name, const std::string& text);
  void operator()(const char* name, const Tensor& tensor);
  void any_shape(const char* name, const Tensor& tensor) { (*this)(name, tensor); }
  template <class T>
  void operator()(const char* name, const optional<T>& value) {
    if (value) (*this)(name, *value);
  }
  template <class Tensors>
  void list(const char* name, const Tensors& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) (*this)(str(name, ".", i).c_str(), tensors[i]);
  }
  /// A writer of fields below `name`.
  FieldWriter nested(const std::string& name) const {
    return FieldWriter(dict_, prefix_.empty() ? name : prefix_ + "." + name);
  }

 private:
  StateDict& dict_;
  std::string prefix_;
};

/// Takes the fields back. A missing number is an error, as is one of the wrong size; absent
/// optional values and tensors stay absent. Tensors are copied and get the dtype and device of
/// `like`, if there is one.
class FieldReader {
 public:
  /// `used` collects the names that were read.
  FieldReader(const StateDict& dict, std::string prefix, std::set<std::string>& used,
              Tensor like = {})
      : dict_(dict), prefix_(std::move(prefix)), used_(used), like_(std::move(like)) {}

  void operator()(const char* name, double& value);
  void operator()(const char* name, int64_t& value);
  void operator()(const char* name, bool& value);
  void operator()(const char* name, std::vector<double>& values);
  void operator()(const char* name, std::vector<int64_t>& values);
  void operator()(const char* name, std::tuple<double, double>& pair);
  void operator()(const char* name, std::string& text);
  /// The tensor must have the shape of `like`.
  void operator()(const char* name, Tensor& tensor);
  void any_shape(const char* name, Tensor& tensor);
  template <class T>
  void operator()(const char* name, optional<T>& value) {
    value.reset();
    if (contains(name)) (*this)(name, value.emplace());
  }
  template <class Tensors>
  void list(const char* name, Tensors& tensors) {
    tensors.clear();
    for (size_t i = 0; contains(str(name, ".", i).c_str()); ++i)
      any_shape(str(name, ".", i).c_str(), tensors.emplace_back());
  }
  bool contains(const char* name) const { return dict_.contains(full_name(name)); }
  /// A reader of fields below `name`.
  FieldReader nested(const std::string& name) const {
    return FieldReader(dict_, full_name(name), used_, like_);
  }

 private:
  std::string full_name(const std::string& name) const {
    return prefix_.empty() ? name : prefix_ + "." + name;
  }
  /// The entry as a 1-d tensor of `dtype`; `count` elements unless negative.
  Tensor flat(const char* name, ScalarType dtype, int64_t count);
  const Tensor& entry(const char* name);

  const StateDict& dict_;
  std::string prefix_;
  std::set<std::string>& used_;
  Tensor like_;
};

/// Throws if a name of `dict` is not in `used`.
void check_all_used(const StateDict& dict, const std::set<std::string>& used, const char* op);

}  // namespace fg::optim
