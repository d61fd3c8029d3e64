# Fails if a program of this folder, compiled against fusegrad, includes a header of libtorch itself:
#   cmake -DCOMPILER=g++ -DROOT=<repository> -P headers.cmake
file(GLOB programs "${ROOT}/tests/libtorch/*.cpp")
foreach(program ${programs})
  execute_process(
    COMMAND "${COMPILER}" -std=c++20 -fopenmp -DFUSEGRAD_CUDA_ENABLED=0 "-I${ROOT}/compat" "-I${ROOT}" -M "${program}"
    OUTPUT_VARIABLE rule COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^ \n\\]+" headers "${rule}")
  set(ours 0)
  foreach(header IN LISTS headers)
    if(header MATCHES "/(torch|ATen|c10|caffe2)/")
      cmake_path(IS_PREFIX ROOT "${header}" NORMALIZE inside)
      if(NOT inside)
        message(FATAL_ERROR "${program} includes ${header}, which is not fusegrad's")
      endif()
      math(EXPR ours "${ours} + 1")
    endif()
  endforeach()
  if(ours EQUAL 0)
    message(FATAL_ERROR "${program} includes no torch/torch.h")
  endif()
endforeach()
