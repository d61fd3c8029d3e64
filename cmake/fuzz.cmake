# tests/fuzz/fuzz_*.cpp: one libFuzzer program each, with its seeds in tests/fuzz/corpus/<name>/ and perhaps
# the words of its format in tests/fuzz/fuzz_<name>.dict. `./run fuzz` builds and runs them.

if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "FUSEGRAD_FUZZ needs clang (libFuzzer); use the preset `fuzz`")
endif()
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.cpp")

# The readers are what is fuzzed: they alone get coverage feedback and sanitizers (and are optimised a
# little). The tensors under them are compiled plainly, which takes a fifth of the time; what they allocate
# is watched all the same.
set(sanitizers address,undefined)
file(GLOB readers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/data/*.cpp" "${PROJECT_SOURCE_DIR}/serialize/*.cpp")
set_source_files_properties(${readers} PROPERTIES COMPILE_OPTIONS
  "-O1;-fsanitize=fuzzer-no-link,${sanitizers};-fno-sanitize-recover=all;-fno-omit-frame-pointer")

add_custom_target(fusegrad_fuzz)
foreach(source ${fuzz_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  fusegrad_options(${name})
  target_link_libraries(${name} PRIVATE fusegrad::fusegrad)
  target_compile_options(${name} PRIVATE -O1 -fsanitize=fuzzer,${sanitizers} -fno-sanitize-recover=all)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,${sanitizers})
  add_dependencies(fusegrad_fuzz ${name})
endforeach()
