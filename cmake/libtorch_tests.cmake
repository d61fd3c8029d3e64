# The programs of tests/libtorch: each is compiled against fusegrad and, where libtorch is installed, against
# libtorch; CTest runs both and compares what they print. Label `libtorch`; the target
# fusegrad_libtorch_checks builds them (one program against libtorch takes half a minute).
#
# Debian's libtorch-dev is found by itself; FUSEGRAD_LIBTORCH names the folder of another one, with include/ and
# lib/ in it, such as that of pip's torch. Not under sanitizers: libtorch is not built for them.

if(FUSEGRAD_SANITIZE)
  return()
endif()

set(FUSEGRAD_LIBTORCH "" CACHE PATH "Folder of the libtorch to compare with; empty for the system's")
find_path(FUSEGRAD_LIBTORCH_INCLUDE torch/csrc/api/include/torch/torch.h HINTS "${FUSEGRAD_LIBTORCH}/include")
set(libtorch_libraries)
foreach(library torch torch_cpu c10)
  find_library(FUSEGRAD_LIBTORCH_${library} ${library} HINTS "${FUSEGRAD_LIBTORCH}/lib")
  list(APPEND libtorch_libraries "${FUSEGRAD_LIBTORCH_${library}}")
  mark_as_advanced(FUSEGRAD_LIBTORCH_${library})
endforeach()
mark_as_advanced(FUSEGRAD_LIBTORCH_INCLUDE)
find_package(Python3 COMPONENTS Interpreter QUIET)
set(has_libtorch OFF)
if(FUSEGRAD_LIBTORCH_INCLUDE AND FUSEGRAD_LIBTORCH_torch_cpu AND Python3_FOUND)
  set(has_libtorch ON)
else()
  message(STATUS "No libtorch-dev: the programs of tests/libtorch are not compared with libtorch")
endif()

set(libtorch_tests "${PROJECT_SOURCE_DIR}/tests/libtorch")
set(names_source "${CMAKE_CURRENT_BINARY_DIR}/libtorch/names.cpp")
add_custom_command(OUTPUT "${names_source}"
  COMMAND "${CMAKE_COMMAND}" "-DNAMES=${libtorch_tests}/names.txt" "-DOUTPUT=${names_source}"
          -P "${libtorch_tests}/names.cmake"
  DEPENDS "${libtorch_tests}/names.txt" "${libtorch_tests}/names.cmake" VERBATIM)

# add_libtorch_program(<name> <source>): libtorch_<name>, its counterpart and the test libtorch.<name>.
add_custom_target(fusegrad_libtorch_checks)
function(add_libtorch_program name source)
  set(ours libtorch_${name})
  add_executable(${ours} "${source}")
  fusegrad_options(${ours})
  target_link_libraries(${ours} PRIVATE fusegrad::torch)
  target_compile_definitions(${ours} PRIVATE EXPECT_FUSEGRAD)
  add_dependencies(fusegrad_libtorch_checks ${ours})
  if(NOT has_libtorch)
    return()
  endif()
  set(theirs ${ours}_reference)
  add_executable(${theirs} "${source}")
  # libtorch's headers warn, and take long enough without optimising what is not measured here.
  target_compile_options(${theirs} PRIVATE -w -O0)
  set_target_properties(${theirs} PROPERTIES CXX_STANDARD 17)
  target_include_directories(${theirs} SYSTEM PRIVATE
    "${FUSEGRAD_LIBTORCH_INCLUDE}" "${FUSEGRAD_LIBTORCH_INCLUDE}/torch/csrc/api/include")
  target_link_libraries(${theirs} PRIVATE ${libtorch_libraries} Threads::Threads)
  add_dependencies(fusegrad_libtorch_checks ${theirs})
  add_test(NAME libtorch.${name}
    COMMAND Python3::Interpreter "${libtorch_tests}/compare.py" $<TARGET_FILE:${ours}> $<TARGET_FILE:${theirs}>)
  set_tests_properties(libtorch.${name} PROPERTIES LABELS libtorch TIMEOUT 300)
endfunction()

file(GLOB programs CONFIGURE_DEPENDS "${libtorch_tests}/*.cpp")
foreach(source ${programs})
  cmake_path(GET source STEM name)
  add_libtorch_program(${name} "${source}")
endforeach()
add_libtorch_program(names "${names_source}")

# No header of an installed libtorch may get into a build against fusegrad.
add_test(NAME libtorch.headers
  COMMAND "${CMAKE_COMMAND}" "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DROOT=${PROJECT_SOURCE_DIR}"
          -P "${libtorch_tests}/headers.cmake")
set_tests_properties(libtorch.headers PROPERTIES LABELS libtorch TIMEOUT 300)
