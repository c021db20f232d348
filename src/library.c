/* The shared library is made of the layers alone; CMake wants one source of its own. */
typedef int fcl_library;
