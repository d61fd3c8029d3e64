# tests/fuzz/fuzz_*.cpp: one libFuzzer program each, with its seeds in tests/fuzz/corpus/<name>/ and perhaps
# the words of its format in tests/fuzz/fuzz_<name>.dict. `./run fuzz` builds and runs them.

if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "FUSEGRAD_FUZZ needs clang (libFuzzer); use the preset `fuzz`")
endif()
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.cpp")

# Coverage feedback has to be in the library too; it is cheap, and only fuzz builds come here.
target_compile_options(fusegrad PRIVATE -fsanitize=fuzzer-no-link)
add_custom_target(fusegrad_fuzz)
foreach(source ${fuzz_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  fusegrad_options(${name})
  target_link_libraries(${name} PRIVATE fusegrad::fusegrad)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fusegrad_fuzz ${name})
endforeach()
