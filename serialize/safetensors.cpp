#include "serialize/safetensors.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include <nlohmann/json.hpp>

#include "serialize/file.h"
#include "tensor/claimed_size.h"
#include "tensor/factories.h"

namespace fg {
namespace {

using Json = nlohmann::ordered_json;

// The reference implementation's bound on the header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct DtypeName {
  ScalarType dtype;
  const char* name;
};
constexpr DtypeName kDtypeNames[] = {
    {kDouble, "F64"}, {kFloat, "F32"}, {kHalf, "F16"}, {kBFloat16, "BF16"}, {kLong, "I64"},
    {kInt, "I32"},    {kShort, "I16"}, {kChar, "I8"},  {kByte, "U8"},       {kBool, "BOOL"},
};
static_assert(std::size(kDtypeNames) == kNumScalarTypes);

const char* name_of(ScalarType dtype) {
  return std::find_if(std::begin(kDtypeNames), std::end(kDtypeNames),
                      [=](const DtypeName& entry) { return entry.dtype == dtype; })
      ->name;
}

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  optional<ScalarType> dtype;
  bool has_shape = false;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets;  // begin and end, from the end of the header

  DimVector sizes() const { return DimVector(shape.begin(), shape.end()); }
};

/// Takes the header apart while it is read: nothing is stored that the format does not know, so
/// neither depth nor size of hostile JSON matters.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(const std::string& where, Metadata& metadata) : where_(where), metadata_(metadata) {}

  std::vector<Entry>& entries() { return entries_; }

  bool start_object(size_t) override {
    switch (state_) {
      case State::kStart:
        return enter(State::kTop);
      case State::kTopValue:
        if (key_ == "__metadata__") return enter(State::kMetadata);
        entries_.push_back({});
        entries_.back().name = key_;
        return enter(State::kEntry);
      default:
        return unexpected("an object");
    }
  }
  bool key(std::string& key) override {
    key_ = key;
    if (state_ == State::kTop) {
      check_new(top_keys_, "the header");
      state_ = State::kTopValue;
    } else if (state_ == State::kEntry) {
      check_new(entry_keys_, str("tensor '", entries_.back().name, "'"));
      state_ = key == "dtype"   ? State::kDtype
               : key == "shape" ? State::kShape
               : key == "data_offsets"
                   ? State::kOffsets
                   : fail("tensor '", entries_.back().name, "' has an unknown key '", key, "'");
    } else {
      check_new(metadata_keys_, "__metadata__");
      state_ = State::kMetadataValue;
    }
    return true;
  }
  bool string(std::string& text) override {
    if (state_ == State::kMetadataValue) {
      metadata_[key_] = text;
      return enter(State::kMetadata);
    }
    if (state_ != State::kDtype) return unexpected(str("the string '", text, "'"));
    for (const auto& [dtype, name] : kDtypeNames) {
      if (text == name) entries_.back().dtype = dtype;
    }
    if (!entries_.back().dtype) {
      fail("tensor '", entries_.back().name, "' has an unknown dtype '", text, "'");
    }
    return enter(State::kEntry);
  }
  bool start_array(size_t) override {
    if (state_ == State::kShape) return enter(State::kShapeItems);
    if (state_ == State::kOffsets) return enter(State::kOffsetItems);
    return unexpected("an array");
  }
  bool number_unsigned(uint64_t value) override {
    if (state_ == State::kShapeItems) {
      entries_.back().shape.push_back(value);
    } else if (state_ == State::kOffsetItems) {
      entries_.back().offsets.push_back(value);
    } else {
      return unexpected(str("the number ", value));
    }
    return true;
  }
  bool end_array() override {
    Entry& entry = entries_.back();
    if (state_ == State::kShapeItems) entry.has_shape = true;
    return enter(State::kEntry);
  }
  bool end_object() override {
    if (state_ == State::kEntry) {
      const Entry& entry = entries_.back();
      if (!entry.dtype || !entry.has_shape || entry.offsets.size() != 2) {
        fail("tensor '", entry.name, "' must have dtype, shape and two data_offsets");
      }
      entry_keys_.clear();
    }
    return enter(state_ == State::kTop ? State::kStart : State::kTop);
  }
  bool number_integer(int64_t value) override { return unexpected(str("the number ", value)); }
  bool number_float(double, const std::string& text) override {
    return unexpected(str("the number ", text));
  }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool null() override { return unexpected("null"); }
  bool binary(Json::binary_t&) override { return unexpected("binary data"); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at ..., column 5: syntax error while ..."
    const std::string text = error.what();
    const size_t detail = text.find(": ");
    fail("the header is not valid JSON at byte ", position, ": ",
         detail == std::string::npos ? text : text.substr(detail + 2));
  }

 private:
  enum class State {
    kStart,
    kTop,
    kTopValue,
    kEntry,
    kDtype,
    kShape,
    kShapeItems,
    kOffsets,
    kOffsetItems,
    kMetadata,
    kMetadataValue,
  };
  using Keys = std::unordered_map<std::string, bool>;

  template <class... Parts>
  [[noreturn]] State fail(const Parts&... parts) {
    detail::fail(str(where_, parts...));
  }
  bool enter(State state) {
    state_ = state;
    return true;
  }
  void check_new(Keys& keys, const std::string& owner) {
    if (!keys.emplace(key_, true).second) fail(owner, " has the key '", key_, "' twice");
  }
  bool unexpected(const std::string& got) {
    switch (state_) {
      case State::kStart:
        fail("the header must be a JSON object, got ", got);
      case State::kMetadataValue:
        fail("__metadata__ must hold strings, got ", got, " for '", key_, "'");
      case State::kTopValue:
        fail("'", key_, "' must be a JSON object, got ", got);
      case State::kDtype:
        fail("tensor '", entries_.back().name, "': dtype must be a string, got ", got);
      default:
        fail("tensor '", entries_.back().name, "': ", key_,
             " must be a list of non-negative integers, got ", got);
    }
  }

  const std::string& where_;
  Metadata& metadata_;
  State state_ = State::kStart;
  std::string key_;
  Keys top_keys_, entry_keys_, metadata_keys_;
  std::vector<Entry> entries_;
};

uint64_t num_bytes_of(const Entry& entry, const std::string& where) {
  ENSURE(entry.shape.size() <= kMaxClaimedDims, where, "tensor '", entry.name,
         "' must have at most ", kMaxClaimedDims, " dims, got ", entry.shape.size());
  const optional<int64_t> num_bytes = claimed_num_bytes(entry.shape, *entry.dtype);
  ENSURE(num_bytes, where, "tensor '", entry.name,
         "' has a shape too large for memory: ", ArrayRef<uint64_t>(entry.shape));
  return uint64_t(*num_bytes);
}

/// Checks that the tensors tile [0, num_data_bytes) exactly.
void check_offsets(const std::vector<Entry>& entries, uint64_t num_data_bytes,
                   const std::string& where) {
  std::vector<const Entry*> by_offset;
  for (const Entry& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  uint64_t position = 0;
  for (const Entry* entry : by_offset) {
    const uint64_t begin = entry->offsets[0], end = entry->offsets[1];
    ENSURE(begin == position, where, "tensor '", entry->name, "' must start at data byte ",
           position, " (no overlap, no hole), got ", begin);
    const uint64_t num_bytes = num_bytes_of(*entry, where);
    ENSURE(end >= begin && end - begin == num_bytes, where, "tensor '", entry->name, "' of ",
           *entry->dtype, " and shape ", ArrayRef<uint64_t>(entry->shape), " takes ", num_bytes,
           " bytes, got data_offsets [", begin, ", ", end, "]");
    ENSURE(end <= num_data_bytes, where, "tensor '", entry->name, "' ends at data byte ", end,
           ", but there are ", num_data_bytes);
    position = end;
  }
  ENSURE(position == num_data_bytes, where,
         "the data must end where the last tensor ends, at byte ", position, ", got ",
         num_data_bytes, " bytes of data");
}

/// A bool that holds neither 0 nor 1 is undefined behaviour wherever it is read.
void check_bools(std::string_view data, const Entry& entry, const std::string& where) {
  for (const char byte : data) {
    ENSURE(byte == 0 || byte == 1, where, "tensor '", entry.name,
           "' of Bool must hold bytes 0 and 1, got ", int(uint8_t(byte)));
  }
}

/// `make_tensor(data, entry)` turns checked bytes into a tensor.
template <class MakeTensor>
SafeTensors parse(std::string_view bytes, const std::string& where, MakeTensor&& make_tensor) {
  uint64_t header_bytes = 0;
  ENSURE(bytes.size() >= sizeof(header_bytes), where, "expected 8 bytes of header length, got ",
         bytes.size(), " bytes in all");
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  bytes.remove_prefix(sizeof(header_bytes));
  ENSURE(header_bytes <= kMaxHeaderBytes, where, "the header must have at most ", kMaxHeaderBytes,
         " bytes, got ", header_bytes);
  ENSURE(header_bytes <= bytes.size(), where, "the header must have ", header_bytes,
         " bytes, but only ", bytes.size(), " follow its length");
  const std::string_view header = bytes.substr(0, header_bytes);
  bytes.remove_prefix(header_bytes);
  // The JSON library would skip a byte-order mark, and takes a NUL for the end of the input.
  ENSURE(header.starts_with('{'), where, "the header must start with '{'");
  ENSURE(header.find('\0') == header.npos, where, "the header must not contain a NUL byte");

  SafeTensors result;
  HeaderReader reader(where, result.metadata);
  Json::sax_parse(header.begin(), header.end(), &reader);
  check_offsets(reader.entries(), bytes.size(), where);
  for (Entry& entry : reader.entries()) {
    const char* data = bytes.data() + entry.offsets[0];
    if (entry.dtype == kBool) check_bools({data, bytes.data() + entry.offsets[1]}, entry, where);
    Tensor tensor = make_tensor(data, entry);
    result.tensors.insert(std::move(entry.name), std::move(tensor));
  }
  return result;
}

Tensor copy_of(const void* data, const Entry& entry) {
  const Tensor tensor = empty(entry.sizes(), *entry.dtype);
  if (tensor.numel()) std::memcpy(tensor.data_ptr(), data, size_t(tensor.nbytes()));
  return tensor;
}

std::string make_header(const StateDict& tensors, const std::vector<int64_t>& begins,
                        const Metadata& metadata, const std::string& where) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i].pair();
    header[name] = {{"dtype", name_of(tensor.dtype())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begins[i], begins[i] + tensor.nbytes()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::type_error&) {
    detail::fail(str(where, "names and metadata must be valid UTF-8"));
  }
  // Padding aligns the data; the mapping itself starts at a page.
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

SafeTensors load_safetensors(const std::string& path) {
  const auto file = std::make_shared<MappedFile>("load_safetensors", path);
  return parse(file->bytes(), str("load_safetensors: ", path, ": "),
               [&](const char* data, const Entry& entry) {
                 const bool aligned = uintptr_t(data) % size_t(element_size(*entry.dtype)) == 0;
                 if (!aligned || entry.offsets[0] == entry.offsets[1]) return copy_of(data, entry);
                 return from_blob(
                     const_cast<char*>(data), entry.sizes(), [file](void*) {}, *entry.dtype);
               });
}

SafeTensors parse_safetensors(const void* data, size_t num_bytes, const std::string& name) {
  return parse({static_cast<const char*>(data), num_bytes}, str("parse_safetensors: ", name, ": "),
               copy_of);
}

namespace {

/// Hands the file's bytes to `write(data, num_bytes)`, piece by piece. Errors start with `where`.
template <class Write>
void write_safetensors(const StateDict& tensors, const Metadata& metadata, const std::string& where,
                       Write&& write) {
  for (const auto& item : tensors) {
    ENSURE(item.value().defined(), where, "tensor '", item.key(), "' must be defined");
    ENSURE(item.key() != "__metadata__", where, "'__metadata__' cannot be the name of a tensor");
  }
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tensors[a]->element_size() > tensors[b]->element_size();
  });
  std::vector<int64_t> begins(tensors.size());
  int64_t position = 0;
  for (const size_t i : order) {
    begins[i] = position;
    position += tensors[i]->nbytes();
  }
  const std::string header = make_header(tensors, begins, metadata, where);
  const uint64_t header_bytes = header.size();
  ENSURE(header_bytes <= kMaxHeaderBytes, where, "the header must have at most ", kMaxHeaderBytes,
         " bytes, got ", header_bytes);

  write(&header_bytes, sizeof(header_bytes));
  write(header.data(), header.size());
  for (const size_t i : order) {
    const Tensor tensor = tensors[i]->detach().cpu().contiguous();
    if (tensor.numel()) write(tensor.data_ptr(), size_t(tensor.nbytes()));
  }
}

}  // namespace

void save_safetensors(const std::string& path, const StateDict& tensors, const Metadata& metadata) {
  optional<AtomicFile> file;  // made with the first byte, when all checks are behind
  const auto write = [&](const void* data, size_t num_bytes) {
    if (!file) file.emplace("save_safetensors", path);
    file->write(data, num_bytes);
  };
  write_safetensors(tensors, metadata, str("save_safetensors: ", path, ": "), write);
  file->commit();
}

std::string serialize_safetensors(const StateDict& tensors, const Metadata& metadata) {
  std::string bytes;
  const auto write = [&](const void* data, size_t num_bytes) {
    bytes.append(static_cast<const char*>(data), num_bytes);
  };
  write_safetensors(tensors, metadata, "serialize_safetensors: ", write);
  return bytes;
}

}  // namespace fg
