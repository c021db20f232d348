# fiducl_embed(OUTPUT file.c SYMBOL name FOLDER dir FILES file...)
#
# Writes a C file with the contents of FILES as a table of `fcl_embedded` named SYMBOL (see src/base/embedded.h), ended
# by an entry without a name. Names are relative to FOLDER. The C file is made again when an input changes.
function(fiducl_embed)
  cmake_parse_arguments(embed "" "OUTPUT;SYMBOL;FOLDER" "FILES" ${ARGN})
  set(inputs)
  foreach(file ${embed_FILES})
    list(APPEND inputs ${embed_FOLDER}/${file})
  endforeach()
  add_custom_command(
    OUTPUT ${embed_OUTPUT}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${embed_OUTPUT} -DSYMBOL=${embed_SYMBOL} -DFOLDER=${embed_FOLDER}
            "-DFILES=${embed_FILES}" -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
endfunction()
