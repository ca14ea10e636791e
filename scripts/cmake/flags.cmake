# Compiler flags of our own code: strict, and never -ffast-math or
# -march=native, which break "same seed, same picture".
add_library(nj_flags INTERFACE)
set(nj_c_warnings
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wundef)
set(nj_cxx_warnings -Wall -Wextra -Wshadow -Wformat=2)
target_compile_options(nj_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C>:${nj_c_warnings}>"
  "$<$<COMPILE_LANGUAGE:CXX>:${nj_cxx_warnings}>"
  -ffp-contract=off -fvisibility=hidden)
target_compile_definitions(nj_flags INTERFACE
  _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE _FILE_OFFSET_BITS=64
  NJ_VERSION="${PROJECT_VERSION}")
target_link_libraries(nj_flags INTERFACE m)
# Dozens of test programs are linked: a quick linker is worth having.
find_program(NJ_LLD NAMES ld.lld)
if(NJ_LLD AND NOT NJ_CUDA)
  target_link_options(nj_flags INTERFACE -fuse-ld=lld)
endif()
if(NJ_WERROR)
  target_compile_options(nj_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:C,CXX>:-Werror>")
endif()
if(NJ_SANITIZE)
  target_compile_options(nj_flags INTERFACE
    -fsanitize=${NJ_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(nj_flags INTERFACE -fsanitize=${NJ_SANITIZE})
endif()
if(NJ_FUZZ)
  target_compile_options(nj_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NJ_TIDY)
  find_program(NJ_CLANG_TIDY NAMES clang-tidy-14 clang-tidy REQUIRED)
  set(CMAKE_C_CLANG_TIDY ${NJ_CLANG_TIDY} --quiet --warnings-as-errors=*)
endif()
