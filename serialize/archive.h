// Archives: what torch::save writes and torch::load reads. The file is a safetensors file: tensors under
// the names of a state dict, other values in its metadata, so any reader of safetensors can open it.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>

#include "serialize/safetensors.h"
#include "tensor/ivalue.h"

namespace fg::serialize {

/// Collects named tensors, values and archives, then writes them to a file or stream. A key holds one
/// of them; an archive in an archive is a prefix with a dot.
class OutputArchive {
 public:
  OutputArchive() = default;
  OutputArchive(OutputArchive&&) = default;
  OutputArchive& operator=(OutputArchive&&) = default;

  void write(const std::string& key, const Tensor& tensor, bool is_buffer = false);
  void write(const std::string& key, const IValue& value);
  void write(const std::string& key, const OutputArchive& nested);
  template <class... Args>
  void operator()(Args&&... args) {
    write(std::forward<Args>(args)...);
  }

  void save_to(const std::string& filename) const;
  void save_to(std::ostream& stream) const;
  /// `write` takes data and a number of bytes, and returns how many it has written.
  void save_to(const std::function<size_t(const void*, size_t)>& write) const;

 private:
  StateDict tensors_;
  Metadata values_;
};

/// What an OutputArchive has written. Tensors that are read take the place of the ones given.
class InputArchive {
 public:
  /// Throws fg::Error when there is no such file or it is no safetensors file.
  void load_from(const std::string& filename, optional<Device> device = nullopt);
  void load_from(std::istream& stream, optional<Device> device = nullopt);
  void load_from(const char* data, size_t size, optional<Device> device = nullopt);
  /// `read` copies a number of bytes from a position and returns how many; `size` is their number.
  void load_from(const std::function<size_t(uint64_t, void*, size_t)>& read,
                 const std::function<size_t()>& size, optional<Device> device = nullopt);

  /// False, and nothing changed, when the key does not hold such a thing.
  bool try_read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  bool try_read(const std::string& key, IValue& value);
  bool try_read(const std::string& key, InputArchive& archive);
  /// Throws instead.
  void read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  void read(const std::string& key, IValue& value);
  void read(const std::string& key, InputArchive& archive);
  template <class... Args>
  void operator()(Args&&... args) {
    read(std::forward<Args>(args)...);
  }
  /// What this archive holds, archives by their own key only.
  std::vector<std::string> keys() const;
  /// All tensors, those of nested archives under dotted names.
  const StateDict& tensors() const { return tensors_; }

 private:
  void take(SafeTensors content, optional<Device> device);

  StateDict tensors_;
  Metadata values_;
  std::string path_;  // of this archive in the file, with a dot behind, for messages
};

// How values are put into archives: a tensor or a list of them under numbers; anything else by its own
// save(OutputArchive&) const and load(InputArchive&), directly or behind a pointer or holder.
OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor);
OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors);
InputArchive& operator>>(InputArchive& archive, Tensor& tensor);
InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors);

template <class T>
requires requires(const T& value, OutputArchive& archive) { value.save(archive); }
OutputArchive& operator<<(OutputArchive& archive, const T& value) {
  value.save(archive);
  return archive;
}
template <class T>
requires requires(const T& value, OutputArchive& archive) { value->save(archive); }
OutputArchive& operator<<(OutputArchive& archive, const T& value) {
  ENSURE(value, "save: the module must not be empty");
  value->save(archive);
  return archive;
}
template <class T>
requires requires(T& value, InputArchive& archive) { value.load(archive); }
InputArchive& operator>>(InputArchive& archive, T& value) {
  value.load(archive);
  return archive;
}
template <class T>
requires requires(T& value, InputArchive& archive) { value->load(archive); }
InputArchive& operator>>(InputArchive& archive, T& value) {
  ENSURE(value, "load: the module must not be empty");
  value->load(archive);
  return archive;
}

}  // namespace fg::serialize

namespace fg {

/// Writes a tensor, a list of tensors, a module or an optimizer to a file or stream: what
/// OutputArchive::save_to takes follows the value.
template <class Value, class... Target>
void save(const Value& value, Target&&... target) {
  serialize::OutputArchive archive;
  archive << value;
  archive.save_to(std::forward<Target>(target)...);
}

/// The reverse, from what InputArchive::load_from takes. Tensors are replaced; the parameters of a
/// module must have the shapes of the saved ones.
template <class Value, class... Source>
void load(Value& value, Source&&... source) {
  serialize::InputArchive archive;
  archive.load_from(std::forward<Source>(source)...);
  archive >> value;
}

}  // namespace fg
