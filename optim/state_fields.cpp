#include "optim/state_fields.h"

#include <algorithm>

#include "tensor/factories.h"

namespace fg::optim {

void FieldWriter::operator()(const char* name, double value) {
  (*this)(name, scalar_tensor(value, kDouble));
}
void FieldWriter::operator()(const char* name, int64_t value) {
  (*this)(name, scalar_tensor(value, kLong));
}
void FieldWriter::operator()(const char* name, bool value) {
  (*this)(name, scalar_tensor(value, kBool));
}
void FieldWriter::operator()(const char* name, const std::vector<double>& values) {
  (*this)(name, fg::tensor(values, kDouble));
}
void FieldWriter::operator()(const char* name, const std::vector<int64_t>& values) {
  (*this)(name, fg::tensor(values, kLong));
}
void FieldWriter::operator()(const char* name, const std::tuple<double, double>& pair) {
  (*this)(name, std::vector<double>{std::get<0>(pair), std::get<1>(pair)});
}
void FieldWriter::operator()(const char* name, const std::string& text) {
  Tensor bytes = empty({int64_t(text.size())}, kByte);
  std::copy(text.begin(), text.end(), bytes.data_ptr<uint8_t>());
  (*this)(name, bytes);
}
void FieldWriter::operator()(const char* name, const Tensor& tensor) {
  if (tensor.defined()) dict_.insert(prefix_.empty() ? name : prefix_ + "." + name, tensor);
}

const Tensor& FieldReader::entry(const char* name) {
  const std::string key = full_name(name);
  const Tensor* tensor = dict_.find(key);
  ENSURE(tensor && tensor->defined(), "load_state_dict: key '", key, "' is missing");
  used_.insert(key);
  return *tensor;
}

Tensor FieldReader::flat(const char* name, ScalarType dtype, int64_t count) {
  const Tensor& tensor = entry(name);
  ENSURE(count < 0 || tensor.numel() == count, "load_state_dict: '", full_name(name),
         "' must have ", count, " elements, got shape ", tensor.sizes());
  return tensor.to(kCPU, dtype).reshape({-1}).contiguous();
}

void FieldReader::operator()(const char* name, double& value) {
  value = *flat(name, kDouble, 1).data_ptr<double>();
}
void FieldReader::operator()(const char* name, int64_t& value) {
  value = *flat(name, kLong, 1).data_ptr<int64_t>();
}
void FieldReader::operator()(const char* name, bool& value) {
  value = *flat(name, kBool, 1).data_ptr<bool>();
}
void FieldReader::operator()(const char* name, std::vector<double>& values) {
  const Tensor data = flat(name, kDouble, -1);
  values.assign(data.data_ptr<double>(), data.data_ptr<double>() + data.numel());
}
void FieldReader::operator()(const char* name, std::vector<int64_t>& values) {
  const Tensor data = flat(name, kLong, -1);
  values.assign(data.data_ptr<int64_t>(), data.data_ptr<int64_t>() + data.numel());
}
void FieldReader::operator()(const char* name, std::tuple<double, double>& pair) {
  const Tensor data = flat(name, kDouble, 2);
  pair = {data.data_ptr<double>()[0], data.data_ptr<double>()[1]};
}
void FieldReader::operator()(const char* name, std::string& text) {
  const Tensor data = flat(name, kByte, -1);
  text.assign(data.data_ptr<uint8_t>(), data.data_ptr<uint8_t>() + data.numel());
}

void FieldReader::operator()(const char* name, Tensor& tensor) {
  any_shape(name, tensor);
  ENSURE(!tensor.defined() || !like_.defined() || tensor.sizes() == like_.sizes(),
         "load_state_dict: '", full_name(name), "' must have shape ", like_.sizes(),
         " (its parameter's), got ", tensor.sizes());
}
void FieldReader::any_shape(const char* name, Tensor& tensor) {
  tensor.reset();
  if (!contains(name)) return;
  const Tensor& source = entry(name);
  tensor = like_.defined() ? source.detach().to(like_.options(), false, /*copy=*/true)
                           : source.detach().clone();
}

void check_all_used(const StateDict& dict, const std::set<std::string>& used, const char* op) {
  for (const auto& item : dict)
    ENSURE(used.count(item.key()), op, ": key '", item.key(), "' is not expected");
}

}  // namespace fg::optim
