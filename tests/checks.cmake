# Housekeeping targets (format, format-check, lint) and the checks of the sources as tests.
set(root ${CMAKE_SOURCE_DIR})
file(GLOB all_sources CONFIGURE_DEPENDS ${root}/comm/*.[ch] ${root}/io/*.[ch] ${root}/model/*.[ch]
  ${root}/trainer/*.[ch] ${root}/jobs/*.[ch] ${root}/tests/*.[ch])
set(program_files ${all_sources})
list(FILTER program_files EXCLUDE REGEX "/tests/[^/]*$")
find_program(CLANG_FORMAT NAMES clang-format-14 clang-format)
find_program(CLANG_TIDY NAMES clang-tidy-14 clang-tidy)
find_program(CPPCHECK cppcheck)

add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${all_sources} VERBATIM)
add_custom_target(format-check COMMAND ${CLANG_FORMAT} --dry-run --Werror ${all_sources} VERBATIM)

# One stamp a source: sources are checked in parallel, and again only after a change.
set(program_sources ${program_files})
list(FILTER program_sources INCLUDE REGEX "\\.c$")
set(program_headers ${program_files})
list(FILTER program_headers INCLUDE REGEX "\\.h$")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/tidy)
foreach(source ${program_sources})
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${root} OUTPUT_VARIABLE name)
  string(REPLACE "/" "-" stamp ${name})
  set(stamp ${CMAKE_BINARY_DIR}/tidy/${stamp})
  add_custom_command(OUTPUT ${stamp}
    COMMAND bash tests/tidy.sh ${CLANG_TIDY} ${CMAKE_BINARY_DIR} ${name}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${source} ${program_headers} ${root}/.clang-tidy ${root}/tests/analysis.h
      ${root}/tests/tidy.sh
    WORKING_DIRECTORY ${root} COMMENT "clang-tidy ${name}" VERBATIM)
  list(APPEND tidy_stamps ${stamp})
endforeach()

# Suppressed: a buffer and a sum that loops fill, taken to be unset or zero; what ASSERT rules out,
# which clang-tidy follows and cppcheck does not.
add_custom_target(lint
  COMMAND ${CPPCHECK} --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance
    --suppress=missingIncludeSystem --suppress=legacyUninitvar --suppress=invalidFunctionArg --suppress=nullPointerRedundantCheck
    --suppress=zerodiv
    -I comm -I io -I model -I trainer -I jobs comm io model trainer jobs
  DEPENDS ${tidy_stamps}
  WORKING_DIRECTORY ${root} VERBATIM)

if(AFFEKT_TESTS)
  # source_test(name argument...): a check of the sources by tests/<name>.sh.
  function(source_test name)
    add_test(NAME source_${name} COMMAND bash ${root}/tests/${name}.sh ${ARGN})
    set_tests_properties(source_${name} PROPERTIES LABELS source TIMEOUT 120)
  endfunction()
  list(TRANSFORM MPI_C_INCLUDE_DIRS PREPEND -I OUTPUT_VARIABLE mpi_flags)
  source_test(layers ${root})
  source_test(sizes ${root})
  source_test(headers ${root} ${CMAKE_C_COMPILER} ${OpenMP_C_FLAGS} ${mpi_flags} ${HDF5_CFLAGS}
    ${JANSSON_CFLAGS} ${CUNIT_CFLAGS})
  source_test(checks_bite ${root}/tests ${CMAKE_C_COMPILER})
  find_program(PYTHON NAMES python3 REQUIRED)
  add_test(NAME source_spack_recipe COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1
    ${PYTHON} ${root}/tests/spack_recipe.py ${root})
  set_tests_properties(source_spack_recipe PROPERTIES LABELS source TIMEOUT 60)
  add_test(NAME source_apptainer_recipe
    COMMAND ${root}/tests/apptainer_recipe.sh ${root} ${CMAKE_BINARY_DIR})
  set_tests_properties(source_apptainer_recipe PROPERTIES LABELS source TIMEOUT 60)
  add_test(NAME source_format COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target format-check)
  set_tests_properties(source_format PROPERTIES LABELS source TIMEOUT 120)
endif()
