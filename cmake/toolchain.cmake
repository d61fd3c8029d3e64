# Language level, warnings, sanitizers, ccache, and helpers that the other files of this folder share.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

find_program(FUSEGRAD_CCACHE ccache DOC "ccache, used for every compilation when found")
mark_as_advanced(FUSEGRAD_CCACHE)
if(FUSEGRAD_CCACHE AND PROJECT_IS_TOP_LEVEL)
  foreach(language CXX CUDA)
    if(NOT DEFINED CMAKE_${language}_COMPILER_LAUNCHER AND NOT DEFINED ENV{CMAKE_${language}_COMPILER_LAUNCHER})
      # Paths below the source tree are hashed relative to the build folder, so that clones share results.
      set(CMAKE_${language}_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
          "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_ABSSTDERR=1 "${FUSEGRAD_CCACHE}")
    endif()
  endforeach()
endif()

# fusegrad_require(<package> <debian package> <what needs it> [find_package arguments...]):
# find_package whose failure says what to install.
macro(fusegrad_require package debian_package purpose)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} was not found; ${purpose} needs it. On Debian and Ubuntu: "
                        "apt-get install ${debian_package}")
  endif()
endmacro()

# fusegrad_options(<target>): how every target of this project, and none of its users, is compiled.
function(fusegrad_options target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set(warnings -Wall -Wextra)
  if(FUSEGRAD_WERROR)
    list(APPEND warnings -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # Below -O2 it reports every simd loop that it leaves scalar; and `a | b` on bools spares a functor a branch.
    list(APPEND warnings -Wno-pass-failed -Wno-unknown-warning-option -Wno-bitwise-instead-of-logical
         -Wno-bitwise-conditional-parentheses)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12's flow analysis misfires on moved std::optionals and on instrumented code; its manual warns of that.
    list(APPEND warnings -Wno-maybe-uninitialized)
  endif()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")
endfunction()

if(FUSEGRAD_SANITIZE)
  set(sanitize_flags -fsanitize=${FUSEGRAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${sanitize_flags}>")
  add_link_options(${sanitize_flags})
endif()
