# scaleout_embed_sql(TARGET NAMESPACE HEADER FILE MIGRATIONS FILE... EVENT_TABLES NAME [IDEMPOTENCY_TABLES NAME] DEMO_DATA FILE)
#
# Makes a service's SQL part of its binary: generates <NAME>.cc in the build tree, which defines
# `ServiceSchema <NAMESPACE>::Schema()` (declared by the service's schema.h), and adds it to TARGET. The binary
# then needs no path at run time, and the build knows when a file changes. The tables of events and of idempotency keys, which are
# the same in every service that has them (service/events/event_tables.sql, service/idempotency/idempotency_tables.sql), are
# migrations of the given names. Runs itself as a script at build time.
function(scaleout_embed_sql target namespace)
  cmake_parse_arguments(arg "" "HEADER;EVENT_TABLES;IDEMPOTENCY_TABLES;DEMO_DATA" "MIGRATIONS" ${ARGN})
  set(output "${CMAKE_CURRENT_BINARY_DIR}/schema.cc")
  list(TRANSFORM arg_MIGRATIONS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set(event_tables "${CMAKE_CURRENT_BINARY_DIR}/${arg_EVENT_TABLES}")
  configure_file("${PROJECT_SOURCE_DIR}/service/events/event_tables.sql" "${event_tables}" COPYONLY)
  list(APPEND arg_MIGRATIONS "${event_tables}")
  if(arg_IDEMPOTENCY_TABLES)
    set(idempotency_tables "${CMAKE_CURRENT_BINARY_DIR}/${arg_IDEMPOTENCY_TABLES}")
    configure_file("${PROJECT_SOURCE_DIR}/service/idempotency/idempotency_tables.sql" "${idempotency_tables}" COPYONLY)
    list(APPEND arg_MIGRATIONS "${idempotency_tables}")
  endif()
  list(SORT arg_MIGRATIONS COMPARE FILE_BASENAME)
  set(demo_data "${CMAKE_CURRENT_SOURCE_DIR}/${arg_DEMO_DATA}")
  # A list does not survive a command line.
  string(REPLACE ";" "|" migrations "${arg_MIGRATIONS}")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${output}" "-DNAMESPACE=${namespace}" "-DHEADER=${arg_HEADER}"
            "-DMIGRATIONS=${migrations}" "-DDEMO_DATA=${demo_data}" -P "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    DEPENDS ${arg_MIGRATIONS} "${demo_data}" "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    COMMENT "Embedding the SQL of ${namespace}" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  string(REPLACE "|" ";" migrations "${MIGRATIONS}")
  set(entries "")
  foreach(file IN LISTS migrations)
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" text)
    string(APPEND entries "      {\"${name}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  file(READ "${DEMO_DATA}" text)
  file(WRITE "${OUTPUT}" "#include \"${HEADER}\"

namespace ${NAMESPACE} {

ServiceSchema Schema() {
  return {{
${entries}      },
      R\"embedded(${text})embedded\"};
}

}  // namespace ${NAMESPACE}
")
endif()
