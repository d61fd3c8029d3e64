# One executable from tests/*.cpp (quick to link), one CTest entry per file. Label `slow` for
# tests/test_slow_*.cpp, `fast` for the others. The target fusegrad_checks builds whatever CTest runs.

add_custom_target(fusegrad_checks)

file(GLOB test_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*.cpp")
if(NOT FUSEGRAD_CUDA_ENABLED)
  list(FILTER test_sources EXCLUDE REGEX "/test_cuda_[^/]*$")
endif()
# The emulation's own tests; their kernels hold nvcc's pragmas.
file(GLOB cuda_host_tests "${PROJECT_SOURCE_DIR}/tests/test_cuda_host*.cpp")
set_source_files_properties(${cuda_host_tests} PROPERTIES COMPILE_OPTIONS "${cuda_host_flags}")
if(NOT FUSEGRAD_CUDA STREQUAL "HOST")
  list(REMOVE_ITEM test_sources ${cuda_host_tests})
endif()
if(NOT TARGET CUDNN::cudnn)
  list(FILTER test_sources EXCLUDE REGEX "/test_cudnn_[^/]*$")
endif()
if(test_sources)
  fusegrad_require(doctest doctest-dev "the tests")
  set(curve_nets "${PROJECT_SOURCE_DIR}/tests/compare/curve_nets.cpp")
  add_executable(fusegrad_tests ${test_sources} ${curve_nets})
  fusegrad_options(fusegrad_tests)
  target_link_libraries(fusegrad_tests PRIVATE fusegrad::fusegrad doctest::doctest nlohmann_json::nlohmann_json
                                               ZLIB::ZLIB Threads::Threads)
  if(TARGET CUDNN::cudnn)
    target_link_libraries(fusegrad_tests PRIVATE CUDNN::cudnn)
  endif()
  target_compile_definitions(fusegrad_tests PRIVATE
    FUSEGRAD_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures"
    FUSEGRAD_BUNDLED_DATA="${PROJECT_SOURCE_DIR}/data/bundled")
  add_dependencies(fusegrad_checks fusegrad_tests)

  # Our side of ./run compare.
  add_executable(compare_curves "${PROJECT_SOURCE_DIR}/tests/compare/compare_curves.cpp" ${curve_nets}
                                "${PROJECT_SOURCE_DIR}/tests/fixture.cpp"
                                "${PROJECT_SOURCE_DIR}/tests/device_under_test.cpp")
  fusegrad_options(compare_curves)
  target_link_libraries(compare_curves PRIVATE fusegrad::fusegrad nlohmann_json::nlohmann_json)
  target_compile_definitions(compare_curves PRIVATE FUSEGRAD_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures")
endif()

# Two threads even on one core, so that parallel loops are parallel; passive, since CTest runs several
# programs at once and OpenMP's waiting threads would otherwise spin.
set(test_environment "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
set(device_test_environment "FUSEGRAD_TEST_DEVICE=cuda" ${test_environment})
if(FUSEGRAD_CUDA_HOST_SANITIZE)
  # The plain build runs the threads of a block in rising order: a missing barrier shows in one of the two.
  # Without the cache each tensor is an allocation of its own, whose ends are watched.
  list(APPEND device_test_environment "FUSEGRAD_CUDA_HOST_ORDER=reverse" "FUSEGRAD_CUDA_NO_CACHE=1")
endif()

foreach(source ${test_sources})
  cmake_path(GET source FILENAME file_name)
  cmake_path(GET source STEM stem)
  if(NOT stem MATCHES "^test_")
    continue()
  endif()
  string(REGEX REPLACE "^test_" "" name ${stem})
  set(label fast)
  set(timeout_seconds 300)
  if(name MATCHES "^slow_")
    set(label slow)
    set(timeout_seconds 1500)
  endif()
  add_test(NAME ${name} COMMAND fusegrad_tests "--source-file=*/${file_name}" --no-colors=1)
  # doctest exits with 0 when its filter matches nothing; a file without test cases is a failure here. With 77
  # exits a file all of whose cases skipped themselves (tests/main.cpp).
  set_tests_properties(${name} PROPERTIES
    LABELS ${label}
    TIMEOUT ${timeout_seconds}
    FAIL_REGULAR_EXPRESSION "test cases: +0 +\\|"
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${test_environment}")
endforeach()

# Once more with the GPU as the device under test: whatever checks ops or compares with fixtures. What only
# the emulation has run must not pass for run on a GPU.
if(FUSEGRAD_CUDA_ENABLED)
  set(device_label cuda)
  if(FUSEGRAD_CUDA STREQUAL "HOST")
    set(device_label cuda-host)
  endif()
  foreach(source ${test_sources})
    file(STRINGS "${source}" uses REGEX "#include \"tests/(op_check|norm_test_util|fixture|device_under_test|compare/)")
    cmake_path(GET source STEM stem)
    if(NOT uses OR NOT stem MATCHES "^test_" OR stem MATCHES "^test_cuda_|_rng$")
      continue()
    endif()
    string(REGEX REPLACE "^test_" "${device_label}." name ${stem})
    cmake_path(GET source FILENAME file_name)
    add_test(NAME ${name} COMMAND fusegrad_tests "--source-file=*/${file_name}" --no-colors=1)
    set_tests_properties(${name} PROPERTIES
      LABELS ${device_label}
      TIMEOUT 600
      SKIP_RETURN_CODE 77
      ENVIRONMENT "${device_test_environment}")
  endforeach()
endif()

if(FUSEGRAD_CUDA STREQUAL "HOST")
  # Without a device and with two of them, which the emulation can have for the asking.
  set_property(TEST cuda_absent APPEND PROPERTY ENVIRONMENT "FUSEGRAD_CUDA_HOST_DEVICES=0")
  set_property(TEST cuda_allocator cuda_runtime APPEND PROPERTY ENVIRONMENT "FUSEGRAD_CUDA_HOST_DEVICES=2")
endif()

include(libtorch_tests)
include(pytorch_tests)
include(install_tests)

# ./run itself: usage messages and exit status.
add_test(NAME run_usage COMMAND sh "${PROJECT_SOURCE_DIR}/tests/run_usage.sh" "${PROJECT_SOURCE_DIR}")
set_tests_properties(run_usage PROPERTIES LABELS fast TIMEOUT 60)
