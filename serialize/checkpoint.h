// Checkpoints: everything that a run needs to go on, in one safetensors file.
#pragma once

#include "serialize/safetensors.h"

namespace fg {

/// Named states: "model", "optimizer", "scheduler", "random", "loader", "progress", whatever a program
/// has. In the file the tensor `weight` of the section `model` is `model.weight`, so that any reader of
/// safetensors finds it.
///
///     Checkpoint checkpoint;
///     checkpoint.add("model", *model);
///     checkpoint.add("optimizer", optimizer);
///     checkpoint.add("random", default_generator());
///     checkpoint.save("run.safetensors");
///
///     const Checkpoint checkpoint = load_checkpoint("run.safetensors");
///     checkpoint.restore("model", *model);
///     checkpoint.restore("optimizer", optimizer);
///     checkpoint.restore("random", default_generator());  // last: making objects draws numbers
class Checkpoint {
 public:
  Checkpoint() = default;
  /// From pairs of a section's name and its state.
  Checkpoint(std::initializer_list<OrderedDict<std::string, StateDict>::Item> sections);

  /// Adds a section, whose tensors are shared, not copied: save before they change. Throws when the
  /// name is taken, empty or contains a dot.
  void add(const std::string& section, StateDict state);
  /// Adds what the object's state_dict() gives.
  template <class T>
  requires requires(const T& object) { StateDict(object.state_dict()); }
  void add(const std::string& section, const T& object) {
    add(section, StateDict(object.state_dict()));
  }
  void add(const std::string& section, const Generator& generator);

  bool contains(const std::string& section) const { return sections_.contains(section); }
  /// Throws, naming the sections that there are, when this one is not.
  const StateDict& operator[](const std::string& section) const;
  /// Hands a section to the object's load_state_dict().
  template <class T>
  requires requires(T& object, const StateDict& state) { object.load_state_dict(state); }
  void restore(const std::string& section, T& object) const {
    object.load_state_dict((*this)[section]);
  }
  void restore(const std::string& section, Generator& generator) const;

  const OrderedDict<std::string, StateDict>& sections() const { return sections_; }
  /// Texts that go along, such as the settings of the run.
  Metadata metadata;

  /// Writes the file anew; if that fails, an older one stays as it was.
  void save(const std::string& path) const;

 private:
  OrderedDict<std::string, StateDict> sections_{"Checkpoint: section"};
};

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
/// The tensors share a mapping of the file. Throws when the file is no checkpoint.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace fg
