// A reader for the JSON that fixture files carry in their metadata. It trusts its input.
#pragma once

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace fg::tests {

/// One JSON value; only the member that fits its kind is filled.
struct Json {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  bool is_integer = false;  // a number written without point or exponent
  std::string string;
  std::vector<Json> array;
  std::map<std::string, Json> object;

  bool contains(const std::string& key) const { return object.count(key) > 0; }
  const Json& operator[](const std::string& key) const {
    ENSURE(contains(key), "json: key '", key, "' is missing");
    return object.at(key);
  }

  static Json parse(const std::string& text) {
    const char* at = text.c_str();
    Json value = parse_value(at);
    skip_space(at);
    ENSURE(!*at, "json: unexpected text '", at, "'");
    return value;
  }

 private:
  static void skip_space(const char*& at) {
    while (*at == ' ' || *at == '\n') ++at;
  }
  static bool accept(const char*& at, const std::string& token) {
    skip_space(at);
    if (std::strncmp(at, token.c_str(), token.size()) != 0) return false;
    at += token.size();
    return true;
  }
  static std::string parse_string(const char*& at) {
    std::string text;
    for (; *at != '"'; ++at) {
      ENSURE(*at, "json: a string has no end");
      if (*at == '\\') ++at;  // the files have no escapes but of quotes and backslashes
      text += *at;
    }
    ++at;
    return text;
  }
  static Json parse_value(const char*& at) {
    Json value;
    if (accept(at, "null")) return value;
    if (accept(at, "true") || accept(at, "false")) {
      value.kind = Kind::boolean;
      value.boolean = at[-2] == 'u';
    } else if (accept(at, "\"")) {
      value.kind = Kind::string;
      value.string = parse_string(at);
    } else if (accept(at, "[")) {
      value.kind = Kind::array;
      while (!accept(at, "]")) {
        value.array.push_back(parse_value(at));
        accept(at, ",");
      }
    } else if (accept(at, "{")) {
      value.kind = Kind::object;
      while (!accept(at, "}")) {
        ENSURE(accept(at, "\""), "json: expected a key at '", at, "'");
        std::string key = parse_string(at);
        ENSURE(accept(at, ":"), "json: expected ':' at '", at, "'");
        value.object[key] = parse_value(at);
        accept(at, ",");
      }
    } else {
      char* end;
      value.kind = Kind::number;
      value.number = std::strtod(at, &end);
      ENSURE(end != at, "json: unexpected text '", at, "'");
      value.is_integer = std::string(at, end).find_first_of(".eEnN") == std::string::npos;
      at = end;
    }
    return value;
  }
};

}  // namespace fg::tests
