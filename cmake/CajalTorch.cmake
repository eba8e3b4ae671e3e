# libtorch from the wheel that scripts/setup puts into .deps/python: target `cajal_torch`.
#
# Two traps of the wheel are dealt with here. Its include folder also holds google/protobuf 3.13
# and fmt, which as a system include folder would shadow Debian's: a folder of links leaves both
# out. And libtorch_cuda is never linked: it is opened at run time when a CUDA device is asked for.
set(CAJAL_TORCH_DIR ${CMAKE_SOURCE_DIR}/.deps/python/torch
    CACHE PATH "The torch package folder of a torch 2.11 wheel")
if(NOT EXISTS ${CAJAL_TORCH_DIR}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No libtorch in ${CAJAL_TORCH_DIR}. Run scripts/setup first, "
                      "or point CAJAL_TORCH_DIR at the torch folder of a torch 2.11 wheel.")
endif()
file(STRINGS ${CAJAL_TORCH_DIR}/version.py CAJAL_TORCH_VERSION REGEX "^__version__")
if(NOT CAJAL_TORCH_VERSION MATCHES "2\\.11\\.")
  message(FATAL_ERROR "Cajal is built against torch 2.11, but ${CAJAL_TORCH_DIR} has ${CAJAL_TORCH_VERSION}.")
endif()
if(CAJAL_REQUIRE_CUDA AND NOT EXISTS ${CAJAL_TORCH_DIR}/lib/libtorch_cuda.so)
  message(FATAL_ERROR "The preset needs libtorch's CUDA parts: run scripts/setup --cuda.")
endif()

set(torch_includes ${CMAKE_BINARY_DIR}/torch-include)
file(MAKE_DIRECTORY ${torch_includes})
file(GLOB entries RELATIVE ${CAJAL_TORCH_DIR}/include ${CAJAL_TORCH_DIR}/include/*)
list(REMOVE_ITEM entries google fmt)
foreach(entry ${entries})
  file(CREATE_LINK ${CAJAL_TORCH_DIR}/include/${entry} ${torch_includes}/${entry} SYMBOLIC)
endforeach()

add_library(cajal_torch INTERFACE)
target_include_directories(cajal_torch SYSTEM INTERFACE ${torch_includes})
target_link_libraries(cajal_torch INTERFACE ${CAJAL_TORCH_DIR}/lib/libtorch_cpu.so
                                            ${CAJAL_TORCH_DIR}/lib/libc10.so)
target_link_options(cajal_torch INTERFACE
                    -Wl,-rpath-link,${CAJAL_TORCH_DIR}/lib:${CAJAL_TORCH_DIR}/../nvidia/cu13/lib)
