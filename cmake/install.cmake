# cmake --install: headers, library, and a package for find_package(fusegrad).

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fusegrad")

install(TARGETS fusegrad fusegrad_torch EXPORT fusegradTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT fusegradTargets NAMESPACE fusegrad:: DESTINATION "${package_dir}")

# cuda/ in CPU-only builds, too: cuda::is_available() and the like are there to be asked.
set(header_folders tensor autograd nn optim data serialize distributed compat cuda)
foreach(folder ${header_folders})
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION "${FUSEGRAD_INSTALL_INCLUDEDIR}"
            FILES_MATCHING PATTERN "*.h" PATTERN "*.cuh" PATTERN "bundled" EXCLUDE)
  endif()
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/fusegrad.h" DESTINATION "${FUSEGRAD_INSTALL_INCLUDEDIR}" OPTIONAL)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/fusegradConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/fusegradConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/fusegradConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindLibZip.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake" DESTINATION "${package_dir}")
