# Two precompiled headers, each built once and shared by every target that asks for it:
#
#   cajal_use_pch(cajal_gemma3 torch)   <ATen/ATen.h>: model folders that compute with tensors
#   cajal_use_pch(cajal_server grpc)    <grpcpp/grpcpp.h> and Protobuf: server, client
#
# They save about 10 s for each file of such a target; docs/development.md has the figures. A file
# must still include what it uses: scripts/lint compiles without them. No header of the project is
# in them, or a change to it would rebuild everything.
#
# The users of a precompiled header must be compiled with the flags it was compiled with. GCC
# otherwise ignores it with a warning, which -Werror makes an error, so this cannot go unnoticed.
set(CAJAL_PCH_STD_HEADERS
    <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstring>
    <filesystem> <functional> <map> <memory> <mutex> <numeric> <optional> <span> <sstream>
    <string> <string_view> <thread> <tuple> <unordered_map> <unordered_set> <utility> <variant>
    <vector>)
set(CAJAL_PCH_ABSL_HEADERS
    <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/status/status.h>
    <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_format.h>)

# Declares the object library cajal_pch_<name>, whose only purpose is to own the header. It is built
# when a user of the header is.
function(cajal_add_pch name)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/pch/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// A target needs a source file to own a precompiled header.\n")
  add_library(cajal_pch_${name} OBJECT EXCLUDE_FROM_ALL ${source})
  target_link_libraries(cajal_pch_${name} PRIVATE cajal_flags ${ARG_DEPS})
  target_precompile_headers(cajal_pch_${name} PRIVATE ${ARG_HEADERS})
endfunction()

function(cajal_use_pch target name)
  target_precompile_headers(${target} REUSE_FROM cajal_pch_${name})
endfunction()

cajal_add_pch(torch
  HEADERS ${CAJAL_PCH_STD_HEADERS} ${CAJAL_PCH_ABSL_HEADERS} <ATen/ATen.h>
  DEPS cajal_torch absl::flat_hash_map absl::flat_hash_set absl::status absl::statusor absl::str_format)
if(TARGET gRPC::grpc++)  # which graph_bench alone is built without
  cajal_add_pch(grpc
    HEADERS ${CAJAL_PCH_STD_HEADERS} ${CAJAL_PCH_ABSL_HEADERS}
            <google/protobuf/generated_message_reflection.h> <google/protobuf/generated_message_util.h>
            <google/protobuf/map.h> <google/protobuf/message.h> <google/protobuf/repeated_field.h>
            <google/protobuf/util/json_util.h> <grpcpp/grpcpp.h>
    DEPS gRPC::grpc++ protobuf::libprotobuf absl::flat_hash_map absl::flat_hash_set absl::status
         absl::statusor absl::str_format)
endif()
