# Flags for every target of the project. Dependencies are SYSTEM includes, so warnings are ours.

# The build works from any directory and ccache hits across build folders.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

# Compilers other than Debian 12's and Ubuntu 24.04's may warn of more.
option(CAJAL_WARNINGS_ARE_ERRORS "Stop at a compiler's warning" ON)
add_library(cajal_flags INTERFACE)
target_compile_options(cajal_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wnon-virtual-dtor)
if(CAJAL_WARNINGS_ARE_ERRORS)
  target_compile_options(cajal_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(cajal_flags INTERFACE -fpch-preprocess)  # lets ccache see through the PCH
  # GCC 12 sees overlapping copies in `std::string + char*` that are not there (GCC bug 105329).
  target_compile_options(cajal_flags INTERFACE -Wno-restrict)
else()
  target_compile_options(cajal_flags INTERFACE -Wthread-safety)
endif()
if(CAJAL_SANITIZE)
  # Global, so that GoogleTest mains and generated code are instrumented alike.
  # Without no-sanitize-recover, undefined behaviour would be printed and the test would pass.
  add_compile_options(-fsanitize=${CAJAL_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CAJAL_SANITIZE})
endif()
