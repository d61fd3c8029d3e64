// Graphs in graphviz's DOT language as files: text always, pictures where graphviz is installed.
#pragma once

#include <string>

namespace fg {

/// Writes `dot`, as make_dot() gives it, to `path`: as it is, or, when `path` ends in .svg, .png or .pdf,
/// drawn by graphviz's program `dot`. Throws when that is not on the PATH or fails, and then an older
/// file stays as it was. Above some thousand nodes `dot` takes minutes; the text does not.
void save_dot(const std::string& path, const std::string& dot);

/// Whether graphviz's program `dot` can be run.
bool has_graphviz();

}  // namespace fg
