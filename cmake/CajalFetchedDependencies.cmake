# The libraries of graph_bench, for machines that have a compiler and CMake but no -dev packages.
#
# An installed library is taken where CMake finds one. What is missing is built from its release
# archive, pinned by SHA-256: the upstream sources that Debian 12 keeps, so that the versions are
# those of CajalDependencies.cmake. Archives lie in CAJAL_ARCHIVES, and one that is there already is
# not fetched, so a machine without a network builds from a folder that was filled elsewhere. Run as
# a script, this file fills it and does no more:
#
#   cmake -P cmake/CajalFetchedDependencies.cmake
include(FetchContent)

set(CAJAL_ARCHIVES ${CMAKE_SOURCE_DIR}/.deps/archives
    CACHE PATH "Folder for the archives of libraries that are not installed")
set(CAJAL_ARCHIVE_MIRROR http://deb.debian.org/debian/pool/main
    CACHE STRING "Where missing archives are fetched from; they are checked against their SHA-256")

# cajal_fetch(NAME PATH SHA256 [arguments of FetchContent_Declare]): makes the library of an archive
# available; its own CMakeLists.txt is added unless SOURCE_SUBDIR names a folder without one.
function(cajal_fetch name path sha256)
  get_filename_component(file ${path} NAME)
  set(archive ${CAJAL_ARCHIVES}/${file})
  if(NOT EXISTS ${archive})
    message(STATUS "Fetching ${file}")
  endif()
  # Keeps a file that has this hash.
  file(DOWNLOAD ${CAJAL_ARCHIVE_MIRROR}/${path} ${archive} EXPECTED_HASH SHA256=${sha256}
       STATUS status)
  list(POP_FRONT status code)
  if(NOT code EQUAL 0)
    file(REMOVE ${archive})
    message(FATAL_ERROR "${file} could not be fetched from ${CAJAL_ARCHIVE_MIRROR} (${status}). "
                        "Without a network, carry the folder that scripts/gpu-bench --fetch fills.")
  endif()
  if(CMAKE_SCRIPT_MODE_FILE)
    return()
  endif()
  # Sources older than GCC 13, which no longer brings this header along with others.
  string(APPEND CMAKE_CXX_FLAGS " -include cstdint")
  FetchContent_Declare(${name} URL ${archive} URL_HASH SHA256=${sha256}
                       DOWNLOAD_EXTRACT_TIMESTAMP ON ${ARGN})
  FetchContent_MakeAvailable(${name})
  set(${name}_SOURCE_DIR ${${name}_SOURCE_DIR} PARENT_SCOPE)
endfunction()

# cajal_headers(TARGET FOLDER): a library that is headers alone.
function(cajal_headers target folder)
  if(CMAKE_SCRIPT_MODE_FILE)
    return()
  endif()
  string(REPLACE "::" "_" name ${target})
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE ${folder})
  add_library(${target} ALIAS ${name})
endfunction()

# Archives written for an older CMake than the one at hand.
set(CMAKE_POLICY_VERSION_MINIMUM 3.5)
set(CMAKE_WARN_DEPRECATED OFF)
# Options that were set before an archive's own option() keep their values.
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)

if(NOT CMAKE_SCRIPT_MODE_FILE)
  find_package(Threads REQUIRED)
  find_package(absl QUIET)
  find_package(nlohmann_json QUIET)
  find_package(CLI11 QUIET)
  find_package(yaml-cpp QUIET)
endif()
if(NOT absl_FOUND)
  set(ABSL_PROPAGATE_CXX_STD ON)
  cajal_fetch(absl a/abseil/abseil_20220623.1.orig.tar.gz
              abfe2897f3a30edaa74bc34365afe3c2a3cd012091a97dc7e008f7016adcd5fe)
endif()
if(NOT nlohmann_json_FOUND)
  cajal_fetch(json n/nlohmann-json3/nlohmann-json3_3.11.2.orig.tar.gz
              d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273
              SOURCE_SUBDIR single_include)
  cajal_headers(nlohmann_json::nlohmann_json ${json_SOURCE_DIR}/single_include)
endif()
if(NOT CLI11_FOUND)
  cajal_fetch(cli11 c/cli11/cli11_2.1.2+ds.orig.tar.xz
              8143d20b688e98ccce8e24562d3b68e5f47c12e896c42c7ca8553dbde5bed55d
              SOURCE_SUBDIR include)
  cajal_headers(CLI11::CLI11 ${cli11_SOURCE_DIR}/include)
endif()
if(NOT yaml-cpp_FOUND)
  set(YAML_CPP_BUILD_TOOLS OFF)
  set(YAML_CPP_BUILD_CONTRIB OFF)
  cajal_fetch(yaml-cpp y/yaml-cpp/yaml-cpp_0.7.0+dfsg.orig.tar.xz
              dc63708605404e0b963e0ca3a9619d1c8270eda2839603e6fa0384e5e51e5312)
endif()
