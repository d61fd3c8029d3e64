# The library: one target, fusegrad::fusegrad. Sources are found by folder; a new file needs no edit here.
# FUSEGRAD_BOTH_KINDS links the same objects once more, into the kind of library that BUILD_SHARED_LIBS did not ask for.

fusegrad_require(Eigen3 libeigen3-dev "the library" 3.4)
fusegrad_require(OpenMP "g++ (for clang: libomp-dev)" "the library" COMPONENTS CXX)
fusegrad_require(ZLIB zlib1g-dev "the library (gzip files)")
fusegrad_require(LibZip libzip-dev "the library (npz files)")
fusegrad_require(nlohmann_json nlohmann-json3-dev "the library (safetensors files)")
set(THREADS_PREFER_PTHREAD_FLAG ON)
fusegrad_require(Threads libc6-dev "the library")

set(folders tensor autograd data serialize)
if(NOT FUSEGRAD_FUZZ)
  list(APPEND folders nn optim distributed)
endif()
list(TRANSFORM folders PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE patterns)
list(TRANSFORM patterns APPEND "/*.cpp")
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${patterns})
file(GLOB_RECURSE cpu_kernels CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tensor/cpu/*.cpp")
# Fused chains instantiate their kernels where they are defined.
file(GLOB fused_kernels CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/autograd/fused/*.cpp")
list(APPEND cpu_kernels ${fused_kernels})
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/*.cpp" "${PROJECT_SOURCE_DIR}/cuda/*.cu")
if(cpu_kernels)
  list(REMOVE_ITEM sources ${cpu_kernels})
endif()
if(FUSEGRAD_CUDA STREQUAL "HOST")
  # What stands on cuDNN has a stand-in, but for the parts that know nothing of it.
  list(FILTER cuda_sources EXCLUDE REGEX "/cuda/kernels/(attention|conv|recurrent)\\.cpp$")
  list(FILTER cuda_sources EXCLUDE REGEX "/cuda/cudnn/[a-z_]*\\.cpp$")
  file(GLOB stand_ins CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/cudnn/*_problem.cpp"
                                        "${PROJECT_SOURCE_DIR}/tests/cuda_host/launchers/*.cpp")
  list(APPEND cuda_sources ${stand_ins})
endif()

set(FUSEGRAD_CUDA_ENABLED 0)
if(FUSEGRAD_CUDA STREQUAL "HOST")
  include(cuda_host)
  if(cuda_sources)
    set(FUSEGRAD_CUDA_ENABLED 1)
    list(APPEND sources ${cuda_sources})
    set_source_files_properties(${cuda_sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${cuda_host_flags}")
  endif()
elseif(FUSEGRAD_CUDA AND cuda_sources)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90)
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  set(cuda_found OFF)
  if(CMAKE_CUDA_COMPILER)
    find_package(CUDAToolkit QUIET)
    # 9.8 is the first that describes a device apart from a handle.
    find_package(CUDNN 9.8 QUIET)
    if(CUDAToolkit_FOUND AND CUDNN_FOUND)
      set(cuda_found ON)
    else()
      set(cuda_needs "The CUDA backend needs, besides nvcc, the CUDA Toolkit's libraries and cuDNN 9.8 or later \
(libcudnn9-dev-cuda-13 in NVIDIA's package archive)")
      if(FUSEGRAD_CUDA STREQUAL "ON")
        message(FATAL_ERROR "${cuda_needs}.")
      endif()
      message(WARNING "${cuda_needs}: building for the CPU only. FUSEGRAD_CUDA=OFF does so without this warning.")
    endif()
  endif()
  if(cuda_found)
    enable_language(CUDA)
    if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      # CMake 3.25.1, Debian 12's, does not know yet that nvcc speaks C++20.
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(FUSEGRAD_CUDA_ENABLED 1)
    list(APPEND sources ${cuda_sources})
    # The formulas that both devices share are constexpr functions; nvcc compiles those for the GPU too.
    add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-O3;--threads=1>")
  endif()
endif()
if(FUSEGRAD_CUDA STREQUAL "ON" AND NOT FUSEGRAD_CUDA_ENABLED)
  message(FATAL_ERROR "FUSEGRAD_CUDA=ON, but there is no working nvcc")
endif()

function(fusegrad_library_properties target)
  fusegrad_options(${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_definitions(${target} PUBLIC FUSEGRAD_CUDA_ENABLED=${FUSEGRAD_CUDA_ENABLED})
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
                                              "$<INSTALL_INTERFACE:${FUSEGRAD_INSTALL_INCLUDEDIR}>")
  # PUBLIC, because headers hold parallel loops as templates: without -fopenmp a user's instance of one
  # would be another, serial function under the same name.
  target_link_libraries(${target} PUBLIC OpenMP::OpenMP_CXX)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

include(GNUInstallDirs)
# Headers include each other from the repository root, so that root gets a folder of its own.
set(FUSEGRAD_INSTALL_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}/fusegrad")

# fusegrad_libraries(<target>): what makes the target the library, of whichever kind it is.
function(fusegrad_libraries target)
  fusegrad_library_properties(${target})
  # BUILD_INTERFACE: headers only, which users of the installed library need not have.
  target_link_libraries(${target} PRIVATE ZLIB::ZLIB LibZip::LibZip Threads::Threads m
                                          "$<BUILD_INTERFACE:nlohmann_json::nlohmann_json>")
  if(FUSEGRAD_CUDA STREQUAL "HOST")
    target_link_libraries(${target} PUBLIC fusegrad_cuda_host)
  elseif(FUSEGRAD_CUDA_ENABLED)
    target_link_libraries(${target} PRIVATE CUDA::cublasLt CUDNN::cudnn PUBLIC CUDA::cudart)
    if(TARGET CUDA::cupti)
      target_link_libraries(${target} PRIVATE CUDA::cupti)
    endif()
  endif()
  # Minor versions break each other until there is a version 1.0.
  set(abi "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
  # Linked as C++ even with CUDA inside, lest CMake add the static CUDA runtime to the shared one.
  set_target_properties(${target} PROPERTIES OUTPUT_NAME fusegrad EXPORT_NAME fusegrad
    VERSION ${PROJECT_VERSION} SOVERSION ${abi} LINKER_LANGUAGE CXX)
  get_target_property(kind ${target} TYPE)
  if(kind STREQUAL "SHARED_LIBRARY")
    set(exports "${CMAKE_CURRENT_BINARY_DIR}/fusegrad.map")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/fusegrad.map.in" "${exports}" @ONLY)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${exports}")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${exports}")
  endif()
endfunction()

# The profiler asks CUPTI what the GPUs did. (The emulation has a stand-in, against NVIDIA's header.)
if(FUSEGRAD_CUDA STREQUAL "HOST" AND EXISTS "${FUSEGRAD_CUBLASLT_INCLUDE}/cupti.h" OR TARGET CUDA::cupti)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/cuda/gpu_trace.cpp" PROPERTIES COMPILE_DEFINITIONS FUSEGRAD_CUPTI=1)
endif()

add_library(fusegrad ${sources})
add_library(fusegrad::fusegrad ALIAS fusegrad)
fusegrad_libraries(fusegrad)

# The CPU kernels are compiled for this machine's instruction set, the rest of the library is not. Hence
# the trap: Eigen's types change their alignment with -march, so no Eigen type may appear in a header that
# files outside tensor/cpu/ include. Eigen's include path is given to this target only, which enforces it.
# The loops reach the vector functions of libmvec through simd declarations; -fno-math-errno and
# -fno-trapping-math let them vectorise and change no result (-ffast-math would). glibc's libm.so pulls
# libmvec in when it is used, so linking with libm is all that is needed. Integers wrap, as in PyTorch: -fwrapv.
if(cpu_kernels)
  add_library(fusegrad_cpu_kernels OBJECT ${cpu_kernels})
  fusegrad_library_properties(fusegrad_cpu_kernels)
  target_link_libraries(fusegrad_cpu_kernels PRIVATE Eigen3::Eigen)
  target_compile_options(fusegrad_cpu_kernels PRIVATE
    $<$<CONFIG:Release,RelWithDebInfo>:-O3> -fopenmp-simd -fno-math-errno -fno-trapping-math -fwrapv)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Vectors of 64 bytes are passed between functions of one file only, whatever a machine without AVX-512 does with them.
    target_compile_options(fusegrad_cpu_kernels PRIVATE -Wno-psabi)
  endif()
  # GCC's own AVX-512 intrinsics, as Eigen uses them, read what they call undefined when little is inlined.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/tensor/cpu/qr.cpp" PROPERTIES COMPILE_OPTIONS -Wno-uninitialized
    # A program may use Eigen, too, compiled for another instruction set, under which Eigen's functions have the same
    # names but not the same alignment. Ours get other names, lest the linker keep one of the two.
    COMPILE_DEFINITIONS Eigen=fusegrad_eigen)
  # The random streams are PyTorch's bit for bit, which fixes where multiply-adds fuse.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/tensor/cpu/random.cpp" PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
  if(FUSEGRAD_MARCH)
    target_compile_options(fusegrad_cpu_kernels PRIVATE -march=${FUSEGRAD_MARCH})
  endif()
  target_sources(fusegrad PRIVATE $<TARGET_OBJECTS:fusegrad_cpu_kernels>)
endif()

if(FUSEGRAD_BOTH_KINDS)
  set(other_kind SHARED)
  if(BUILD_SHARED_LIBS)
    set(other_kind STATIC)
  endif()
  add_library(fusegrad_other_kind ${other_kind} $<TARGET_OBJECTS:fusegrad>)
  if(cpu_kernels)
    target_sources(fusegrad_other_kind PRIVATE $<TARGET_OBJECTS:fusegrad_cpu_kernels>)
  endif()
  fusegrad_libraries(fusegrad_other_kind)
endif()

# libtorch's spelling: with this target `#include <torch/torch.h>` finds compat/, before any libtorch that
# is installed beside the system's headers.
add_library(fusegrad_torch INTERFACE)
add_library(fusegrad::torch ALIAS fusegrad_torch)
target_include_directories(fusegrad_torch INTERFACE "${PROJECT_SOURCE_DIR}/compat")
target_link_libraries(fusegrad_torch INTERFACE fusegrad::fusegrad)
