# fiducl_test(NAME LABEL host|device|cli SOURCES file... USES layer... [TIMEOUT seconds])
#
# One ctest entry a program, written with the check framework. The TIMEOUT is ctest's: Check's own limit of 4 seconds a test
# is too short for a busy machine. Device suites run without forking, because an OpenCL context does not survive a fork.
pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
function(fiducl_test name)
  cmake_parse_arguments(test "" "LABEL;TIMEOUT" "SOURCES;USES" ${ARGN})
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 120)
  endif()
  add_executable(test_${name} ${test_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE FCL_TEST_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
  # GCC 12 takes pointers inside Check's assertions for dangling ones.
  target_compile_options(test_${name} PRIVATE $<$<C_COMPILER_ID:GNU>:-Wno-dangling-pointer>)
  target_link_libraries(test_${name} PRIVATE ${test_USES} fiducl_options PkgConfig::CHECK m)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS ${test_LABEL} TIMEOUT ${test_TIMEOUT} ENVIRONMENT CK_DEFAULT_TIMEOUT=0)
  if(test_LABEL STREQUAL "device")
    set_property(TEST ${name} APPEND PROPERTY
      ENVIRONMENT "CK_FORK=no;LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/drivers.lsan:print_suppressions=0")
    # Oclgrind prints what it finds and goes on: a test whose results are right would pass.
    set_property(TEST ${name} PROPERTY
      FAIL_REGULAR_EXPRESSION "Invalid (read|write) of size;(Read|Write)-write data race")
  endif()
endfunction()

# fiducl_ranks_test(NAME N_RANKS LABEL host|device TIMEOUT seconds COMMAND command...)
#
# One ctest entry of a program that mpirun starts as so many ranks, with FIDUCL_START_RANKS and the number before its name, or of a
# script that does. MPI does not survive a fork, and Open MPI leaves memory behind in plugins that are gone when leaks are looked
# for. Root may run it, and more processes than there are cores, none bound to one: OMPI for Open MPI 4, PRTE for 5.
set(FIDUCL_START_RANKS ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG})
function(fiducl_ranks_test name n_ranks)
  cmake_parse_arguments(test "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${test_COMMAND})
  set(environment FIDUCL_TEST_RANKS=${n_ranks} CK_FORK=no ASAN_OPTIONS=detect_leaks=0
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_hwloc_base_binding_policy=none
    PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    PRTE_MCA_hwloc_default_binding_policy=none)
  set_tests_properties(${name} PROPERTIES LABELS ${test_LABEL} TIMEOUT ${test_TIMEOUT} ENVIRONMENT "${environment}")
endfunction()
