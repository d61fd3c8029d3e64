# benchmarks/*.cpp make one program, fusegrad_bench.

file(GLOB benchmark_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benchmarks/*.cpp")
if(NOT benchmark_sources)
  return()
endif()
fusegrad_require(benchmark libbenchmark-dev "benchmarks/")

add_executable(fusegrad_bench ${benchmark_sources})
fusegrad_options(fusegrad_bench)
# Eigen is here for its own GEMM rate, the yardstick; compile it as the CPU kernels are compiled.
target_link_libraries(fusegrad_bench PRIVATE fusegrad::fusegrad benchmark::benchmark Eigen3::Eigen)
target_compile_options(fusegrad_bench PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O3>)
if(FUSEGRAD_MARCH)
  target_compile_options(fusegrad_bench PRIVATE -march=${FUSEGRAD_MARCH})
endif()
