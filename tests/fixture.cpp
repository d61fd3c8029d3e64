#include "tests/fixture.h"

#include <cmath>

#include "tensor/factories.h"
#include "tests/device_under_test.h"

namespace fg::test {

using Json = nlohmann::json;

// --- arguments --------------------------------------------------------------------------------------

namespace {

bool stands_for_none(const Json& value) { return value.is_null() || value == "None"; }

}  // namespace

bool Arguments::has(const std::string& name) const {
  return values_.contains(name) && !stands_for_none(values_.at(name));
}

bool Arguments::is_none(const std::string& name) const {
  return values_.contains(name) && stands_for_none(values_.at(name));
}

int64_t Arguments::integer(const std::string& name, int64_t otherwise) const {
  return has(name) ? integer(name) : otherwise;
}

optional<int64_t> Arguments::optional_integer(const std::string& name) const {
  return has(name) ? optional<int64_t>(integer(name)) : nullopt;
}

double Arguments::to_number(const Json& value) {
  if (value == "inf") return INFINITY;
  return value == "-inf" ? -INFINITY : value.get<double>();
}

double Arguments::number(const std::string& name, double otherwise) const {
  return has(name) ? number(name) : otherwise;
}

bool Arguments::flag(const std::string& name, bool otherwise) const {
  return has(name) ? values_.at(name).get<bool>() : otherwise;
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  return has(name) ? values_.at(name).get<std::string>() : otherwise;
}

std::vector<int64_t> Arguments::integers(const std::string& name) const {
  const Json& value = values_.at(name);
  if (!value.is_array()) return {value.get<int64_t>()};
  std::vector<int64_t> result;
  for (const Json& entry : value)
    result.push_back(stands_for_none(entry) ? -1 : entry.get<int64_t>());
  return result;
}

Scalar Arguments::to_scalar(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>();
  return to_number(value);
}

optional<Scalar> Arguments::optional_scalar(const std::string& name) const {
  return has(name) ? optional<Scalar>(scalar(name)) : nullopt;
}

ScalarType dtype_named(const std::string& name) {
  static const std::map<std::string, ScalarType> types = {
      {"float64", kFloat64}, {"float32", kFloat32}, {"float16", kFloat16}, {"bfloat16", kBFloat16},
      {"int64", kInt64},     {"int32", kInt32},     {"int16", kInt16},     {"int8", kInt8},
      {"uint8", kUInt8},     {"bool", kBool}};
  return types.at(name);
}

// --- files and cases --------------------------------------------------------------------------------

FixtureFile::FixtureFile(const std::string& area) {
  const bool is_path = area.ends_with(".safetensors");
  SafeTensors file =
      load_safetensors(is_path ? area : FUSEGRAD_FIXTURES "/" + area + ".safetensors");
  tensors_ = std::move(file.tensors);
  for (const auto& [name, options] : file.metadata) {
    if (name == "torch" || name == "script") continue;
    cases_.push_back({this, name, Json::parse(options)});
  }
}

const FixtureCase& FixtureFile::operator[](const std::string& name) const {
  for (const FixtureCase& fixture : cases_)
    if (fixture.name == name) return fixture;
  throw std::out_of_range("no fixture case " + name);
}

bool FixtureCase::has(const std::string& key) const {
  return file->tensors_.contains(name + "/" + key);
}

Tensor FixtureCase::operator[](const std::string& key) const {
  return file->tensors_[name + "/" + key].to(device_under_test(), false, true);
}

std::vector<Tensor> FixtureCase::numbered(const std::string& prefix) const {
  std::vector<Tensor> result;
  for (int i = 0; has(prefix + std::to_string(i)); ++i)
    result.push_back((*this)[prefix + std::to_string(i)]);
  return result;
}

StateDict FixtureCase::starting_with(const std::string& prefix) const {
  StateDict result;
  const std::string full = name + "/" + prefix;
  for (const auto& item : file->tensors_)
    if (item.key().starts_with(full))
      result.insert(item.key().substr(full.size()),
                    item.value().to(device_under_test(), false, true));
  return result;
}

// --- comparison -------------------------------------------------------------------------------------

Tolerance tolerance_of(ScalarType dtype) {
  switch (dtype) {
    case kDouble:
      return {1e-10};
    case kFloat:
      return {2e-5};
    case kHalf:
      return {2e-3};
    case kBFloat16:
      return {2e-2};
    default:
      return {0};
  }
}

std::string difference(const Tensor& actual, const Tensor& expected, Tolerance tolerance) {
  if (!actual.defined()) return "is undefined";
  std::ostringstream out;
  if (actual.dtype() != expected.dtype() || actual.sizes() != expected.sizes()) {
    out << "is " << actual.dtype() << " " << actual.sizes() << ", expected " << expected.dtype()
        << " " << expected.sizes();
    return out.str();
  }
  // int64 values of the fixtures beyond 2^53 would lose bits in a double.
  if (expected.dtype() == kLong) {
    const Tensor a = actual.detach().cpu().contiguous(), b = expected.cpu().contiguous();
    for (int64_t i = 0; i < a.numel(); ++i) {
      if (a.data_ptr<int64_t>()[i] == b.data_ptr<int64_t>()[i]) continue;
      out << "element " << i << " is " << a.data_ptr<int64_t>()[i] << ", expected "
          << b.data_ptr<int64_t>()[i];
      return out.str();
    }
    return "";
  }
  const Tensor a = actual.detach().cpu().to(kDouble).contiguous();
  const Tensor b = expected.cpu().to(kDouble).contiguous();
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data_ptr<double>()[i], y = b.data_ptr<double>()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double limit = tolerance.relative * std::max(std::abs(y), tolerance.floor);
    if (std::isfinite(y) && std::abs(x - y) <= limit) continue;
    out.precision(17);
    out << "element " << i << " is " << x << ", expected " << y;
    return out.str();
  }
  return "";
}

std::string difference(const Tensor& actual, const Tensor& expected) {
  return difference(actual, expected, tolerance_of(expected.dtype()));
}

Tensor lay_out(const Tensor& x, const std::string& layout) {
  if (layout == "transposed") return x.transpose(-1, -2).contiguous().transpose(-1, -2);
  if (layout == "step2") return x.repeat_interleave(2, -1).slice(-1, 0, nullopt, 2);
  if (layout == "expanded") return x.slice(0, 0, 1).expand(x.sizes());
  ENSURE(layout.empty(), "lay_out: unknown layout ", layout);
  return x;
}

Inputs inputs_of(const FixtureCase& fixture) {
  Inputs result;
  result.leaves = fixture.numbered("in");
  for (size_t i = 0; i < result.leaves.size(); ++i) {
    const std::string number = std::to_string(i);
    if (fixture.has("grad" + number)) result.leaves[i].requires_grad_();
    const Json layouts = fixture.options.value("layout", Json::object());
    result.tensors.push_back(lay_out(result.leaves[i], layouts.value("in" + number, "")));
  }
  return result;
}

}  // namespace fg::test
