# What `cmake --install` puts where: program, library, headers, pkg-config file, CMake package, models and recipes.
install(TARGETS fiducl EXPORT fiduclTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS fiducl_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/fiducl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY data/models data/recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/fiducl)

# Found from where the file lies, so that `cmake --install --prefix` may put it anywhere.
file(RELATIVE_PATH prefix_from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/fiducl.pc.in fiducl.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fiducl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fiducl)
configure_package_config_file(cmake/fiduclConfig.cmake.in fiduclConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(fiduclConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fiduclConfig.cmake ${PROJECT_BINARY_DIR}/fiduclConfigVersion.cmake
        DESTINATION ${package_dir})
install(EXPORT fiduclTargets NAMESPACE fiducl:: DESTINATION ${package_dir})
