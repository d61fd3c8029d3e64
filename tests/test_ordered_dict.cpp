// OrderedDict: order, lookup, erasing, and the texts of its errors.
#include <doctest/doctest.h>

#include "tensor/ordered_dict.h"

using namespace fg;

TEST_CASE("OrderedDict keeps the order of insertion") {
  OrderedDict<std::string, int> dict = {{"c", 3}, {"a", 1}};
  dict.insert("b", 2) += 20;
  CHECK(dict.keys() == std::vector<std::string>{"c", "a", "b"});
  CHECK(dict.values() == std::vector<int>{3, 1, 22});
  CHECK(dict.front().key() == "c");
  CHECK(*dict.back() == 22);
  CHECK(dict[1].key() == "a");
  CHECK(dict["b"] == 22);
  CHECK(dict.find("x") == nullptr);
  CHECK(dict.contains("a"));
}

TEST_CASE("OrderedDict finds what is left after erasing") {
  OrderedDict<std::string, int> dict = {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}};
  dict.erase("b");
  CHECK(dict.size() == 3);
  CHECK(dict["a"] == 1);
  CHECK(dict["c"] == 3);
  CHECK(dict["d"] == 4);
  CHECK_FALSE(dict.contains("b"));
  dict.insert("b", 5);
  CHECK(dict.back().key() == "b");
  OrderedDict<std::string, int> copy = dict;
  dict.clear();
  CHECK(dict.is_empty());
  CHECK(copy["d"] == 4);
}

TEST_CASE("OrderedDict errors") {
  OrderedDict<std::string, int> dict("Penguin");
  CHECK_THROWS_WITH_AS(dict.front(), "Called front() on an empty OrderedDict", Error);
  CHECK_THROWS_WITH_AS(dict.back(), "Called back() on an empty OrderedDict", Error);
  dict.insert("a", 1);
  CHECK_THROWS_WITH_AS(dict["b"], "Penguin 'b' is not defined", Error);
  CHECK_THROWS_WITH_AS(dict.erase("b"), "Penguin 'b' is not defined", Error);
  CHECK_THROWS_WITH_AS(dict.insert("a", 2), "Penguin 'a' already defined", Error);
  CHECK_THROWS_WITH_AS(dict[5], "Index 5 is out of bounds", Error);
  OrderedDict<std::string, int> other = {{"b", 2}, {"a", 3}};
  CHECK_THROWS_WITH_AS(dict.update(other), "Penguin 'a' already defined", Error);
}
