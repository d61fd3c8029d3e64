# FUSEGRAD_CUDA=HOST: the CUDA backend compiled as plain C++ and run by the CPU, as a test aid for machines
# without a GPU. tests/cuda_host/include shadows CUDA's own headers; its emulation.h says how it works.

fusegrad_require(boost_context libboost-context-dev "FUSEGRAD_CUDA=HOST")

file(GLOB cuda_host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cuda_host/*.cpp")
add_library(fusegrad_cuda_host STATIC ${cuda_host_sources})
fusegrad_options(fusegrad_cuda_host)
set_target_properties(fusegrad_cuda_host PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(fusegrad_cuda_host BEFORE PUBLIC "${PROJECT_SOURCE_DIR}/tests/cuda_host/include")
target_compile_definitions(fusegrad_cuda_host PUBLIC FUSEGRAD_CUDA_HOST=1)
target_link_libraries(fusegrad_cuda_host PRIVATE Boost::context)
