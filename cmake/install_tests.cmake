# Label `install`: tests/install/check.sh installs this build and builds a user's project against it.

if(NOT FUSEGRAD_INSTALL OR NOT FUSEGRAD_BOTH_KINDS OR FUSEGRAD_CUDA STREQUAL "HOST" OR FUSEGRAD_SANITIZE
   OR NOT CMAKE_GENERATOR STREQUAL "Ninja")
  return()
endif()

foreach(case tree find_package pkg_config add_subdirectory fetch_content refusals versions package)
  add_test(NAME install.${case} COMMAND sh "${PROJECT_SOURCE_DIR}/tests/install/check.sh" ${case}
    "${CMAKE_CURRENT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}" "${CMAKE_CXX_COMPILER}")
  set_tests_properties(install.${case} PROPERTIES LABELS install TIMEOUT 600 FIXTURES_REQUIRED installed_tree
    ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
endforeach()
set_tests_properties(install.tree PROPERTIES FIXTURES_REQUIRED "" FIXTURES_SETUP installed_tree)
add_dependencies(fusegrad_checks fusegrad fusegrad_other_kind)
