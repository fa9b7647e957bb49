# One interface target carries the language, the warnings and the sanitizers; there are no global flags.
option(SCALEOUT_WERROR "Warnings are errors" OFF)
set(SCALEOUT_SANITIZERS "" CACHE STRING "For -fsanitize=, such as address,undefined or thread; empty for none")
option(SCALEOUT_COVERAGE "Instrument for gcov" OFF)
option(SCALEOUT_CCACHE "Compile through ccache where it is installed" ON)

if(SCALEOUT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    # Paths below the checkout count as relative, so that a second checkout finds what a first one has compiled.
    # Precompiled headers need ccache to look past their time stamps.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  endif()
endif()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(scaleout_options INTERFACE)
add_library(scaleout::options ALIAS scaleout_options)
target_compile_features(scaleout_options INTERFACE cxx_std_20)
target_compile_options(scaleout_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -fno-omit-frame-pointer
  # GCC 12 sees overlapping copies in std::string that are not there (GCC bug 105651, fixed in 13).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${SCALEOUT_WERROR}>:-Werror>)
target_include_directories(scaleout_options INTERFACE "${PROJECT_SOURCE_DIR}")

if(SCALEOUT_SANITIZERS)
  target_compile_options(scaleout_options INTERFACE -fsanitize=${SCALEOUT_SANITIZERS} -fno-sanitize-recover=all)
  target_link_options(scaleout_options INTERFACE -fsanitize=${SCALEOUT_SANITIZERS})
endif()
if(SCALEOUT_COVERAGE)
  target_compile_options(scaleout_options INTERFACE --coverage)
  target_link_options(scaleout_options INTERFACE --coverage)
endif()
