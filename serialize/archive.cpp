#include "serialize/archive.h"

#include <charconv>
#include <istream>
#include <ostream>
#include <sstream>

#include "autograd/grad_mode.h"

namespace fg::serialize {
namespace {

// An archive without content leaves this in the metadata, so that it is found again.
constexpr const char* kEmptyArchive = "archive";

template <class T>
std::string number_text(T value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};  // shortest that reads back
}

template <class T>
T parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  ENSURE(error == std::errc() && end == text.data() + text.size(), "load: expected a number, got '",
         text, "'");
  return value;
}

template <class T>
std::string list_text(const std::vector<T>& values) {
  std::vector<std::string> parts;
  for (const T value : values) parts.push_back(number_text(value));
  return join(",", parts);
}

template <class T>
std::vector<T> parse_list(std::string_view text) {
  std::vector<T> values;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    values.push_back(parse_number<T>(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return values;
}

/// `kind:text`, for everything but tensors.
std::string value_text(const IValue& value) {
  if (value.isNone()) return "none:";
  if (value.isBool()) return value.toBool() ? "bool:1" : "bool:0";
  if (value.isInt()) return "int:" + number_text(value.toInt());
  if (value.isDouble()) return "float:" + number_text(value.toDouble());
  if (value.isString()) return "string:" + value.toStringRef();
  if (value.isIntList()) return "ints:" + list_text(value.toIntVector());
  if (value.isDoubleList()) return "floats:" + list_text(value.toDoubleVector());
  fg::detail::fail("save: value must be a number, a string or a list of numbers");
}

IValue parse_value(std::string_view text) {
  const size_t colon = text.find(':');
  ENSURE(colon != text.npos, "load: expected a kind and a value, got '", text, "'");
  const std::string_view kind = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (kind == "none") return {};
  if (kind == "bool") return parse_number<int64_t>(text) != 0;
  if (kind == "int") return parse_number<int64_t>(text);
  if (kind == "float") return parse_number<double>(text);
  if (kind == "string") return std::string(text);
  if (kind == "ints") return parse_list<int64_t>(text);
  if (kind == "floats") return parse_list<double>(text);
  fg::detail::fail(str("load: unknown kind of value '", kind, "'"));
}

}  // namespace

void OutputArchive::write(const std::string& key, const Tensor& tensor, bool /*is_buffer*/) {
  ENSURE(tensor.defined(), "save: tensor '", key, "' must be defined");
  tensors_.insert(key, tensor.detach());
}

void OutputArchive::write(const std::string& key, const IValue& value) {
  if (value.isTensor()) return write(key, value.toTensor());
  if (value.isTensorList()) {
    OutputArchive list;
    list << value.toTensorVector();
    return write(key, list);
  }
  ENSURE(values_.emplace(key, value_text(value)).second, "save: key '", key, "' already defined");
}

void OutputArchive::write(const std::string& key, const OutputArchive& nested) {
  insert_section(tensors_, key, nested.tensors_);
  for (const auto& [name, text] : nested.values_) values_.emplace(key + "." + name, text);
  if (nested.tensors_.is_empty() && nested.values_.empty()) values_.emplace(key, kEmptyArchive);
}

void OutputArchive::save_to(const std::string& filename) const {
  save_safetensors(filename, tensors_, values_);
}

void OutputArchive::save_to(std::ostream& stream) const {
  save_to([&](const void* data, size_t size) {
    stream.write(static_cast<const char*>(data), std::streamsize(size));
    return stream ? size : 0;
  });
}

void OutputArchive::save_to(const std::function<size_t(const void*, size_t)>& write) const {
  const std::string bytes = serialize_safetensors(tensors_, values_);
  ENSURE(write(bytes.data(), bytes.size()) == bytes.size(), "save: could not write ", bytes.size(),
         " bytes");
}

void InputArchive::load_from(const std::string& filename, optional<Device> device) {
  take(load_safetensors(filename), device);
}

void InputArchive::load_from(std::istream& stream, optional<Device> device) {
  std::ostringstream content;
  content << stream.rdbuf();
  const std::string bytes = std::move(content).str();
  load_from(bytes.data(), bytes.size(), device);
}

void InputArchive::load_from(const char* data, size_t size, optional<Device> device) {
  take(parse_safetensors(data, size, "load"), device);
}

void InputArchive::load_from(const std::function<size_t(uint64_t, void*, size_t)>& read,
                             const std::function<size_t()>& size, optional<Device> device) {
  std::string bytes(size(), '\0');
  ENSURE(read(0, bytes.data(), bytes.size()) == bytes.size(), "load: could not read ", bytes.size(),
         " bytes");
  load_from(bytes.data(), bytes.size(), device);
}

void InputArchive::take(SafeTensors content, optional<Device> device) {
  tensors_ = std::move(content.tensors);
  values_ = std::move(content.metadata);
  path_.clear();
  if (!device) return;
  for (auto& item : tensors_) item.value() = item->to(TensorOptions(*device));
}

bool InputArchive::try_read(const std::string& key, Tensor& tensor, bool /*is_buffer*/) {
  const Tensor* found = tensors_.find(key);
  if (!found) return false;
  // The handle's own object stays: parameters are shared by whoever registered them.
  NoGradGuard no_grad;
  if (tensor.defined())
    tensor.set_data(found->clone());
  else
    tensor = found->clone();
  return true;
}

bool InputArchive::try_read(const std::string& key, IValue& value) {
  if (const Tensor* tensor = tensors_.find(key)) {
    value = tensor->clone();
    return true;
  }
  const auto found = values_.find(key);
  if (found == values_.end() || found->second == kEmptyArchive) return false;
  value = parse_value(found->second);
  return true;
}

bool InputArchive::try_read(const std::string& key, InputArchive& archive) {
  const std::string prefix = key + ".";
  InputArchive nested;
  nested.tensors_ = find_section(tensors_, key);
  for (const auto& [name, text] : values_) {
    if (name.starts_with(prefix)) nested.values_.emplace(name.substr(prefix.size()), text);
  }
  const auto marker = values_.find(key);
  const bool is_empty_archive = marker != values_.end() && marker->second == kEmptyArchive;
  if (nested.tensors_.is_empty() && nested.values_.empty() && !is_empty_archive) return false;
  nested.path_ = path_ + prefix;
  archive = std::move(nested);
  return true;
}

void InputArchive::read(const std::string& key, Tensor& tensor, bool is_buffer) {
  ENSURE(try_read(key, tensor, is_buffer), "No such serialized tensor '", path_, key, "'");
}

void InputArchive::read(const std::string& key, IValue& value) {
  ENSURE(try_read(key, value), "No such serialized value '", path_, key, "'");
}

void InputArchive::read(const std::string& key, InputArchive& archive) {
  ENSURE(try_read(key, archive), "No such serialized submodule: '", path_, key, "'");
}

std::vector<std::string> InputArchive::keys() const {
  OrderedDict<std::string, bool> unique;
  const auto add = [&](const std::string& name) {
    const std::string key = name.substr(0, name.find('.'));
    if (!unique.contains(key)) unique.insert(key, true);
  };
  for (const auto& item : tensors_) add(item.key());
  for (const auto& [name, text] : values_) add(name);
  return unique.keys();
}

OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor) {
  archive.write("0", tensor);
  return archive;
}

OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) archive.write(std::to_string(i), tensors[i]);
  return archive;
}

InputArchive& operator>>(InputArchive& archive, Tensor& tensor) {
  archive.read("0", tensor);
  return archive;
}

InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors) {
  Tensor tensor;
  for (size_t i = 0; archive.try_read(std::to_string(i), tensor); ++i) {
    tensors.push_back(std::exchange(tensor, {}));
  }
  return archive;
}

}  // namespace fg::serialize
