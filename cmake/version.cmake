# fusegrad_version, as fusegrad/version.h has it.

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/../fusegrad/version.h")
file(READ "${CMAKE_CURRENT_LIST_DIR}/../fusegrad/version.h" header)
set(parts)
foreach(part MAJOR MINOR PATCH)
  string(REGEX MATCH "#define FUSEGRAD_VERSION_${part} ([0-9]+)" found "${header}")
  list(APPEND parts "${CMAKE_MATCH_1}")
endforeach()
list(JOIN parts "." fusegrad_version)
