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

# benchmarks/gpu/ makes another, fusegrad_gpu_bench, and benchmarks/reference_models/ a third, where there is a CUDA
# backend to measure.
if(FUSEGRAD_CUDA_ENABLED AND NOT FUSEGRAD_CUDA STREQUAL "HOST")
  file(GLOB gpu_benchmark_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benchmarks/gpu/*.cpp"
                                              "${PROJECT_SOURCE_DIR}/benchmarks/gpu/*.cu")
  add_executable(fusegrad_gpu_bench ${gpu_benchmark_sources})
  fusegrad_options(fusegrad_gpu_bench)
  target_link_libraries(fusegrad_gpu_bench PRIVATE fusegrad::fusegrad benchmark::benchmark CUDA::cudart CUDA::cublasLt
                                                   CUDNN::cudnn)

  fusegrad_require(CLI11 libcli11-dev "benchmarks/reference_models/")
  file(GLOB model_benchmark_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benchmarks/reference_models/*.cpp")
  add_executable(fusegrad_model_bench ${model_benchmark_sources} "${PROJECT_SOURCE_DIR}/benchmarks/gpu/timing.cpp")
  fusegrad_options(fusegrad_model_bench)
  target_link_libraries(fusegrad_model_bench PRIVATE fusegrad::fusegrad benchmark::benchmark CLI11::CLI11
                                                     nlohmann_json::nlohmann_json CUDA::cudart CUDA::cublasLt CUDNN::cudnn)
endif()

# benchmarks/training_steps/ times whole steps beside PyTorch (compare.py).
file(GLOB step_benchmark_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benchmarks/training_steps/*.cpp")
add_executable(fusegrad_step_bench ${step_benchmark_sources})
fusegrad_options(fusegrad_step_bench)
target_link_libraries(fusegrad_step_bench PRIVATE fusegrad::fusegrad nlohmann_json::nlohmann_json)
