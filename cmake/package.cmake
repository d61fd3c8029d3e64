# cpack -G DEB: libfusegrad<version> with the shared library, libfusegrad-dev with all else. The preset `package` builds
# for other machines than this one.

set(runtime_package "libfusegrad${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
# Policy wants the licence in each.
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "share/doc/${runtime_package}" RENAME copyright
        COMPONENT runtime)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/libfusegrad-dev RENAME copyright
        COMPONENT development)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fusegrad)
set(CPACK_PACKAGE_VENDOR "The fusegrad authors")
set(CPACK_PACKAGE_CONTACT "The fusegrad authors <authors@fusegrad.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tensors, autograd and training in C++20")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(machine "")
if(FUSEGRAD_MARCH)
  set(machine " The CPU kernels are compiled for -march=${FUSEGRAD_MARCH}.")
endif()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "${runtime_package}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "The shared library that programs made with fusegrad run on.${machine}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libfusegrad-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${runtime_package} (= ${PROJECT_VERSION}), g++ (>= 4:12), zlib1g-dev, libzip-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "Headers, the static library, and what CMake's find_package and pkg-config look for.")
include(CPack)
