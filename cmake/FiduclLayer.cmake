# fiducl_layer(NAME SOURCES file... USES layer-or-library...)
#
# A layer is a static library of src/NAME. Its private headers are reached as "NAME/header.h" through an include
# folder that only the layer's own target and those that link it see, so that including a header of a layer that is
# not linked does not compile.
function(fiducl_layer name)
  cmake_parse_arguments(layer "" "" "SOURCES;USES" ${ARGN})
  set(root ${PROJECT_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${name} ${root}/${name} SYMBOLIC)
  add_library(fiducl_${name} STATIC ${layer_SOURCES})
  target_include_directories(fiducl_${name} PUBLIC ${root} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(fiducl_${name} PUBLIC ${layer_USES} PRIVATE fiducl_options)
endfunction()
