# The API reference: target `docs`, and a test that it is made without a warning. Needs doxygen.

find_program(DOXYGEN_PROGRAM doxygen)
mark_as_advanced(DOXYGEN_PROGRAM)
if(DOXYGEN_PROGRAM)
  set(docs_folder "${CMAKE_CURRENT_BINARY_DIR}/docs")
  file(MAKE_DIRECTORY "${docs_folder}")
  set(make_docs "${CMAKE_COMMAND}" -E env "DOXYGEN_OUTPUT=${docs_folder}" "PROJECT_VERSION=${PROJECT_VERSION}"
                "${DOXYGEN_PROGRAM}" docs/Doxyfile)
  add_custom_target(docs COMMAND ${make_docs} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
  add_test(NAME api_reference COMMAND ${make_docs} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(api_reference PROPERTIES LABELS slow TIMEOUT 300)
else()
  message(STATUS "doxygen was not found: no API reference, and it is not tested")
endif()
