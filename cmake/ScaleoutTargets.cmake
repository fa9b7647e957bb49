# scaleout_library(ROOM SOURCES... [DEPS...] [PRIVATE_DEPS...] [PRECOMPILE HEADER...])
#
# One library a room: target scaleout_<room>, alias scaleout::<room>. DEPS are those that the room's headers name,
# PRIVATE_DEPS those that only its .cc files do.
function(scaleout_library room)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS;PRECOMPILE" ${ARGN})
  add_library(scaleout_${room} STATIC ${arg_SOURCES})
  add_library(scaleout::${room} ALIAS scaleout_${room})
  target_link_libraries(scaleout_${room} PUBLIC scaleout::options ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
  if(arg_PRECOMPILE)
    target_precompile_headers(scaleout_${room} PRIVATE ${arg_PRECOMPILE})
  endif()
endfunction()

# What takes the place of malloc in every program (docs/adr/2026-11-22-allocator.md). No symbol of it is named anywhere, so
# a linker that drops libraries of which nothing is needed has to be kept from it. Sanitizers have an allocator of their own.
add_library(scaleout_allocator INTERFACE)
add_library(scaleout::allocator ALIAS scaleout_allocator)
if(NOT SCALEOUT_SANITIZERS)
  target_link_libraries(scaleout_allocator INTERFACE
    "-Wl,--push-state,--no-as-needed,${jemalloc_LINK_LIBRARIES},--pop-state")
endif()

# scaleout_program(NAME SOURCES... [DEPS...]): an executable that only wires.
function(scaleout_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE scaleout::options scaleout::allocator ${arg_DEPS})
endfunction()

# Sanitizer options for the environment of every test, which its child processes inherit: a list of "NAME=value".
set(scaleout_sanitizer_options "")
if(SCALEOUT_SANITIZERS MATCHES "thread")
  list(APPEND scaleout_sanitizer_options
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan_suppressions.txt")
endif()
if(SCALEOUT_SANITIZERS MATCHES "address")
  list(APPEND scaleout_sanitizer_options
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan_suppressions.txt:print_suppressions=0")
endif()

# scaleout_test(NAME RING SOURCES... [DEPS...]): one gtest program, one ctest entry, labelled with its ring (unit, integration).
function(scaleout_test name ring)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE scaleout::options GTest::gmock GTest::gtest_main ${arg_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  add_test(NAME ${ring}/${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${ring}/${name} PROPERTIES LABELS ${ring} TIMEOUT 300
    ENVIRONMENT "${scaleout_sanitizer_options}")
endfunction()
