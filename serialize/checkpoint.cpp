#include "serialize/checkpoint.h"

#include <sstream>

namespace fg {
namespace {

// Lists the sections, one a line, because a section may be empty and then has no tensor.
constexpr const char* kSectionsKey = "fusegrad.sections";
constexpr const char* kGeneratorKey = "state";

}  // namespace

Checkpoint::Checkpoint(std::initializer_list<OrderedDict<std::string, StateDict>::Item> sections) {
  for (const auto& item : sections) add(item.key(), item.value());
}

void Checkpoint::add(const std::string& section, StateDict state) {
  ENSURE(!section.empty() && section.find_first_of(".\n") == section.npos,
         "Checkpoint: a section's name must have characters and no dot or line end, got '", section,
         "'");
  sections_.insert(section, std::move(state));
}

void Checkpoint::add(const std::string& section, const Generator& generator) {
  add(section, StateDict{{kGeneratorKey, generator.get_state()}});
}

const StateDict& Checkpoint::operator[](const std::string& section) const {
  const StateDict* state = sections_.find(section);
  ENSURE(state, "Checkpoint: there is no section '", section, "', only ",
         ArrayRef<std::string>(sections_.keys()));
  return *state;
}

void Checkpoint::restore(const std::string& section, Generator& generator) const {
  generator.set_state((*this)[section][kGeneratorKey]);
}

void Checkpoint::save(const std::string& path) const {
  StateDict all("save_checkpoint: tensor");
  std::string names;
  for (const auto& item : sections_) {
    names += item.key() + "\n";
    insert_section(all, item.key(), item.value());
  }
  Metadata with_names = metadata;
  ENSURE(with_names.emplace(kSectionsKey, names).second,
         "save_checkpoint: metadata must not have the key '", kSectionsKey, "'");
  save_safetensors(path, all, with_names);
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  checkpoint.save(path);
}

Checkpoint load_checkpoint(const std::string& path) {
  SafeTensors file = load_safetensors(path);
  const auto names = file.metadata.find(kSectionsKey);
  ENSURE(names != file.metadata.end(), "load_checkpoint: ", path,
         " is no checkpoint: its metadata lacks '", kSectionsKey, "'");
  Checkpoint checkpoint;
  std::istringstream lines(names->second);
  size_t num_tensors = 0;
  for (std::string section; std::getline(lines, section);) {
    StateDict state = find_section(file.tensors, section);
    num_tensors += state.size();
    checkpoint.add(section, std::move(state));
  }
  ENSURE(num_tensors == file.tensors.size(), "load_checkpoint: ", path, " has ",
         file.tensors.size(), " tensors, of which only ", num_tensors, " belong to its sections");
  file.metadata.erase(names);
  checkpoint.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace fg
