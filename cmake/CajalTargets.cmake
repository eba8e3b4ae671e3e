# One library per folder, files listed by hand.
#
#   cajal_library(cajal_graph SOURCES a.cc b.cc PUBLIC deps… PRIVATE deps…)
#   cajal_test(graph_test SOURCES a_test.cc DEPS cajal_graph [LABELS tsan-core])
include(GoogleTest)

function(cajal_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE cajal_flags ${ARG_PRIVATE})
endfunction()

# Messages of file formats, generated into the build folder and included by their path from the root:
#
#   cajal_file_messages(cajal_tokenizer_messages sentencepiece_model.proto)
function(cajal_file_messages name)
  set(generated ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${generated})
  set(sources)
  foreach(proto ${ARGN})
    set(input ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
    file(RELATIVE_PATH stem ${CMAKE_SOURCE_DIR} ${input})
    string(REPLACE ".proto" "" stem ${stem})
    set(outputs ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h)
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND ${PROTOC} -I${CMAKE_SOURCE_DIR} --cpp_out=${generated} ${input}
      DEPENDS ${input}
      VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(${name} STATIC ${sources})
  # SYSTEM: generated code is held to no warnings of ours.
  target_include_directories(${name} SYSTEM PUBLIC ${generated})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
endfunction()

# Every test case becomes a ctest of its own, named "<target>.<Suite>.<Case>". Tests run in the
# folder tests/ of the source tree, where tests/golden/ lies.
function(cajal_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE cajal_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  # Tests run side by side: OpenMP's threads would wait for each other, spinning.
  set(properties TIMEOUT 300 ENVIRONMENT OMP_NUM_THREADS=1)
  if(ARG_LABELS)  # an empty value would make TIMEOUT the label
    list(APPEND properties LABELS ${ARG_LABELS})
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." NO_PRETTY_VALUES DISCOVERY_TIMEOUT 120
                       WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests
                       PROPERTIES ${properties})
  if("tsan-core" IN_LIST ARG_LABELS)
    if(NOT TARGET tsan_core_tests)
      add_custom_target(tsan_core_tests)
    endif()
    add_dependencies(tsan_core_tests ${name})
  endif()
endfunction()
