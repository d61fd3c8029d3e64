// ska: the standard library's tables under these names.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "../c10.h"

namespace ska {
template <class K, class V, class H = std::hash<K>, class E = std::equal_to<K>>
using flat_hash_map = std::unordered_map<K, V, H, E>;
template <class T, class H = std::hash<T>, class E = std::equal_to<T>>
using flat_hash_set = std::unordered_set<T, H, E>;
}  // namespace ska
