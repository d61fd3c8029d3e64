# Each train_examples/*.cpp is one program; train_examples/common/*.cpp is what they share.

file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/train_examples/*.cpp")
file(GLOB common_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/train_examples/common/*.cpp")
if(NOT example_sources)
  return()
endif()
fusegrad_require(CLI11 libcli11-dev "train_examples/")

add_library(fusegrad_examples_common INTERFACE)
if(common_sources)
  add_library(fusegrad_examples_support STATIC ${common_sources})
  fusegrad_options(fusegrad_examples_support)
  target_link_libraries(fusegrad_examples_common INTERFACE fusegrad_examples_support)
  target_link_libraries(fusegrad_examples_support PUBLIC fusegrad::fusegrad CLI11::CLI11)
  target_compile_definitions(fusegrad_examples_support PUBLIC
    FUSEGRAD_BUNDLED_DATA="${PROJECT_SOURCE_DIR}/data/bundled")
endif()
target_link_libraries(fusegrad_examples_common INTERFACE fusegrad::fusegrad CLI11::CLI11)
target_compile_definitions(fusegrad_examples_common INTERFACE
  FUSEGRAD_BUNDLED_DATA="${PROJECT_SOURCE_DIR}/data/bundled")

foreach(source ${example_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  fusegrad_options(${name})
  target_link_libraries(${name} PRIVATE fusegrad_examples_common)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/train_examples")
endforeach()

# Every program explains itself, and answers a flag it does not know with a message and exit status 2.
if(FUSEGRAD_BUILD_TESTS)
  foreach(source ${example_sources})
    cmake_path(GET source STEM name)
    add_test(NAME usage.${name} COMMAND sh -e -c
      "\"$1\" --help | grep -q -e --help; s=0; \"$1\" --no-such-flag || s=$?; test $s -eq 2" sh $<TARGET_FILE:${name}>)
    set_tests_properties(usage.${name} PROPERTIES LABELS fast TIMEOUT 60)
    add_dependencies(fusegrad_checks ${name})
  endforeach()

  add_test(NAME examples COMMAND sh "${PROJECT_SOURCE_DIR}/tests/examples.sh" "${CMAKE_CURRENT_BINARY_DIR}/train_examples")
  set_tests_properties(examples PROPERTIES LABELS slow TIMEOUT 600 ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
endif()
