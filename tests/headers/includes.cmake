cmake_minimum_required(VERSION 3.25)

# Run by ctest: a file of LAYER that includes a header of another layer compiles if that layer is among MAY and this one
# links it, and otherwise fails because the header is not found.
file(STRINGS ${FOLDERS} folders)
list(TRANSFORM folders PREPEND "-I")
string(REPLACE "," ";" may "${MAY}")
file(MAKE_DIRECTORY ${WORK})
file(GLOB others RELATIVE ${SOURCES} ${SOURCES}/*)
set(n_found 0)
set(n_refused 0)
foreach(other ${others})
  file(GLOB headers RELATIVE ${SOURCES} ${SOURCES}/${other}/*.h)
  if(NOT headers)
    continue()
  endif()
  list(GET headers 0 header)
  set(source ${WORK}/${other}.c)
  file(WRITE ${source} "#include \"${header}\"\ntypedef int translation_unit_is_not_empty;\n")
  execute_process(
    COMMAND ${COMPILER} -std=c17 -D_POSIX_C_SOURCE=200809L -DCL_TARGET_OPENCL_VERSION=120 -fsyntax-only ${folders}
            ${source}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  # The compiler names the missing header in every language, in the first line of the error at the top of the file.
  string(FIND "${output}" "${other}.c:1:10:" at_the_include)
  if(other IN_LIST may)
    # A layer need not link everything it may use, but always itself and base.
    if(result EQUAL 0)
      math(EXPR n_found "${n_found} + 1")
    elseif(other STREQUAL LAYER OR other STREQUAL "base" OR at_the_include EQUAL -1)
      message(SEND_ERROR "${LAYER} may include ${header}, but: ${output}")
    endif()
  elseif(result EQUAL 0)
    message(SEND_ERROR "${LAYER} must not reach ${header}, but it compiles")
  elseif(at_the_include EQUAL -1)
    message(SEND_ERROR "${LAYER} with ${header} failed for another reason: ${output}")
  else()
    math(EXPR n_refused "${n_refused} + 1")
  endif()
endforeach()
message(STATUS "${LAYER}: ${n_found} layers found, ${n_refused} refused")
if(n_found EQUAL 0 OR (n_refused EQUAL 0 AND LAYER STREQUAL "base"))
  message(SEND_ERROR "nothing was compared: found ${n_found}, refused ${n_refused}")
endif()
