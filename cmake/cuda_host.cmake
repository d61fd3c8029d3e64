# FUSEGRAD_CUDA=HOST: the CUDA backend compiled as plain C++ and run by the CPU, as a test aid for machines
# without a GPU. tests/cuda_host/include shadows CUDA's own headers; its emulation.h says how it works.

fusegrad_require(boost_context libboost-context-dev "FUSEGRAD_CUDA=HOST")

file(GLOB cuda_host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cuda_host/*.cpp")
add_library(fusegrad_cuda_host STATIC ${cuda_host_sources})
fusegrad_options(fusegrad_cuda_host)
set_target_properties(fusegrad_cuda_host PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(fusegrad_cuda_host BEFORE PUBLIC "${PROJECT_SOURCE_DIR}/tests/cuda_host/include")
target_include_directories(fusegrad_cuda_host PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(fusegrad_cuda_host PUBLIC FUSEGRAD_CUDA_HOST=1)
target_link_libraries(fusegrad_cuda_host PRIVATE Boost::context)

# nvcc's #pragma unroll means nothing here. Integers wrap on the GPU, as in the CPU kernels.
set(cuda_host_flags -Wno-unknown-pragmas -fwrapv)
# The rest of the library has FUSEGRAD_SANITIZE; without it here, a build for the sake of the kernels shares
# its objects with the plain one.
set(FUSEGRAD_CUDA_HOST_SANITIZE "" CACHE STRING "Sanitizers for the emulated CUDA backend, such as address,alignment")
if(FUSEGRAD_CUDA_HOST_SANITIZE)
  # -O1: the many instances of the kernels take twice as long to compile otherwise.
  set(sanitize_flags -O1 -fsanitize=${FUSEGRAD_CUDA_HOST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  list(APPEND cuda_host_flags ${sanitize_flags})
  target_compile_options(fusegrad_cuda_host PRIVATE ${sanitize_flags})
  target_link_options(fusegrad_cuda_host INTERFACE ${sanitize_flags})
endif()

# cuBLASLt's own header says what its stand-in has to provide. Found last, so that CUDA's other headers, which
# lie beside it, stay in the shadow.
find_path(FUSEGRAD_CUBLASLT_INCLUDE cublasLt.h PATHS /usr/local/cuda/include)
mark_as_advanced(FUSEGRAD_CUBLASLT_INCLUDE)
if(NOT FUSEGRAD_CUBLASLT_INCLUDE)
  message(FATAL_ERROR "cublasLt.h was not found; FUSEGRAD_CUDA=HOST needs it. It comes with the CUDA toolkit "
                      "(package libcublas-dev-13-0)")
endif()
target_include_directories(fusegrad_cuda_host SYSTEM PUBLIC "${FUSEGRAD_CUBLASLT_INCLUDE}")
