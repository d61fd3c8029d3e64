# cmake --install: headers, the library in both kinds, a package for find_package(fusegrad) and files for pkg-config.
# Nothing that is installed knows where it was built or installed; the folder may be moved. What programs need to run is
# the component `runtime`, the rest is `development`.

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fusegrad")

set(installed_kinds)
foreach(target fusegrad fusegrad_other_kind)
  if(NOT TARGET ${target})
    continue()
  endif()
  get_target_property(type ${target} TYPE)
  set(kind static)
  if(type STREQUAL "SHARED_LIBRARY")
    set(kind shared)
  endif()
  list(APPEND installed_kinds ${kind})
  install(TARGETS ${target} EXPORT fusegrad-${kind}
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT development)
  install(EXPORT fusegrad-${kind} NAMESPACE fusegrad:: DESTINATION "${package_dir}" COMPONENT development)
endforeach()

# cuda/ in CPU-only builds, too: cuda::is_available() and the like are there to be asked.
set(header_folders tensor autograd nn optim data serialize distributed compat cuda)
foreach(folder ${header_folders})
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION "${FUSEGRAD_INSTALL_INCLUDEDIR}"
            COMPONENT development FILES_MATCHING PATTERN "*.h" PATTERN "*.cuh" PATTERN "bundled" EXCLUDE)
  endif()
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/fusegrad/version.h" DESTINATION "${FUSEGRAD_INSTALL_INCLUDEDIR}/fusegrad"
        COMPONENT development)
install(FILES "${PROJECT_SOURCE_DIR}/fusegrad.h" DESTINATION "${FUSEGRAD_INSTALL_INCLUDEDIR}" COMPONENT development)

set(cuda_version "")
if(FUSEGRAD_CUDA_ENABLED)
  set(cuda_version "${CUDAToolkit_VERSION}")
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/fusegradConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfig.cmake" INSTALL_DESTINATION "${package_dir}"
  PATH_VARS FUSEGRAD_INSTALL_INCLUDEDIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/fusegradConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindLibZip.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake" DESTINATION "${package_dir}" COMPONENT development)

# pkg-config. CUDA's folders are left to the compiler's environment, as they differ from machine to machine.
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH prefix_from_pkgconfig "/${pkgconfig_dir}" "/")
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
set(deeper_libs "-lzip -lz -lm")
if(FUSEGRAD_CUDA_ENABLED)
  string(PREPEND deeper_libs "-lcudart -lcublasLt -lcudnn ")
  if(TARGET CUDA::cupti)
    string(PREPEND deeper_libs "-lcupti ")
  endif()
endif()
# A static library alone has to name what it stands on; beside a shared one that is for `pkg-config --static`.
if("shared" IN_LIST installed_kinds)
  set(libs_of_static "\nLibs.private: ${deeper_libs}")
else()
  set(libs_of_static " ${deeper_libs}")
endif()
foreach(module fusegrad fusegrad-torch)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${module}.pc.in" "${CMAKE_CURRENT_BINARY_DIR}/${module}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${module}.pc" DESTINATION "${pkgconfig_dir}" COMPONENT development)
endforeach()
