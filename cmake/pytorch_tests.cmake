# Label `pytorch`: what is exchanged with PyTorch and numpy, tested live where a Python has both (Debian: python3-torch).

# Not under sanitizers, for which Python is not built.
if(FUSEGRAD_SANITIZE OR FUSEGRAD_CUDA_ENABLED)
  return()
endif()

set(FUSEGRAD_PYTORCH_PYTHON "" CACHE STRING "Python interpreter with PyTorch and numpy; empty for the system's")
if(NOT FUSEGRAD_PYTORCH_PYTHON)
  execute_process(COMMAND /usr/bin/python3 -c "import numpy, torch" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    message(STATUS "No python3-torch: weights, arrays and DLPack are not exchanged with PyTorch and numpy")
    return()
  endif()
  set_property(CACHE FUSEGRAD_PYTORCH_PYTHON PROPERTY VALUE /usr/bin/python3)
endif()

# add_pytorch_test(<name> <target>): tests/pytorch/<name>.py, given the target's file.
function(add_pytorch_test name target)
  fusegrad_options(${target})
  target_link_libraries(${target} PRIVATE fusegrad::fusegrad)
  add_dependencies(fusegrad_libtorch_checks ${target})
  add_test(NAME pytorch.${name} COMMAND "${FUSEGRAD_PYTORCH_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/pytorch/${name}.py"
                                        $<TARGET_FILE:${target}>)
  set_tests_properties(pytorch.${name} PROPERTIES LABELS pytorch TIMEOUT 300
                       ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
endfunction()

add_executable(pytorch_weights "${PROJECT_SOURCE_DIR}/tests/pytorch/weights.cpp")
add_pytorch_test(weights pytorch_weights)
add_library(pytorch_dlpack MODULE "${PROJECT_SOURCE_DIR}/tests/pytorch/dlpack.cpp")
add_pytorch_test(dlpack pytorch_dlpack)
