#!/bin/sh
# Installs into an empty prefix and uses what is there as another project would.
#   installed.sh BUILD_FOLDER SOURCE_FOLDER C_COMPILER
set -eu
build=$1 source=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/log"

program=$work/prefix/bin/fiducl
"$program" --version
# Models and recipes are part of the program: they are found from any folder.
(cd / && "$program" summary model_v1 >/dev/null)

# The library, by pkg-config. The prefix given at installation may differ from the one at configuration.
libdir=$(dirname "$(find "$work/prefix" -name libfiducl.so)")
flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs fiducl)
"$compiler" -std=c17 -o "$work/example" "$source/examples/predict.c" $flags
code=0
LD_LIBRARY_PATH=$libdir "$work/example" >/dev/null 2>"$work/usage" || code=$?
[ "$code" -eq 2 ] || { echo "the example ends with $code: $(cat "$work/usage")" >&2; exit 1; }

# And by CMake.
mkdir "$work/other"
cat >"$work/other/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(other C)
find_package(fiducl 0.1 REQUIRED)
add_executable(other $source/examples/predict.c)
target_link_libraries(other PRIVATE fiducl::fiducl)
END
cmake -S "$work/other" -B "$work/other/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$compiler" >"$work/log"
cmake --build "$work/other/build" >"$work/log" || { cat "$work/log" >&2; exit 1; }
code=0
"$work/other/build/other" >/dev/null 2>&1 || code=$?
[ "$code" -eq 2 ]
# Nothing but the public headers' functions is visible.
if nm -D --defined-only "$libdir/libfiducl.so" | awk '{ print $3 }' | grep -v '^fcl_' | grep -v '^_\|^$'; then
  echo "the library shows other symbols" >&2
  exit 1
fi
