# Libraries: libtorch from a folder, the small ones from Debian's packages or
# from the prefix NJ_DEPS_DIR that scripts/setup.sh --deps-dir fills.
set(NJ_DEPS_DIR "$ENV{NJ_DEPS_DIR}" CACHE PATH "prefix of unpacked packages")
set(NJ_TORCH_DIR "$ENV{NJ_TORCH_DIR}" CACHE PATH
  "libtorch: a folder with include/ and lib/")

add_library(nj_deps INTERFACE)
set(nj_hints "")
if(NJ_DEPS_DIR)
  file(GLOB nj_arch_libs ${NJ_DEPS_DIR}/usr/lib/*-linux-gnu)
  set(nj_hints HINTS ${NJ_DEPS_DIR}/usr/include ${NJ_DEPS_DIR}/usr/lib
    ${nj_arch_libs} NO_CMAKE_FIND_ROOT_PATH)
  target_link_options(nj_deps INTERFACE -Wl,-rpath,${nj_arch_libs})
  file(GLOB nj_arch_includes ${NJ_DEPS_DIR}/usr/include/*-linux-gnu)
  target_include_directories(nj_deps SYSTEM INTERFACE ${nj_arch_includes})
endif()

function(nj_need name header library package)
  find_path(NJ_${name}_INCLUDE ${header} ${nj_hints})
  if(library)
    find_library(NJ_${name}_LIBRARY ${library} ${nj_hints})
  endif()
  if(NOT NJ_${name}_INCLUDE OR (library AND NOT NJ_${name}_LIBRARY))
    message(FATAL_ERROR
      "${package} is missing: run scripts/setup.sh (or apt install ${package})")
  endif()
endfunction()

nj_need(CJSON cjson/cJSON.h cjson libcjson-dev)
nj_need(STB stb/stb_image_write.h "" libstb-dev)
nj_need(UTF8PROC utf8proc.h utf8proc libutf8proc-dev)
nj_need(PNG png.h png libpng-dev)
nj_need(JPEG jpeglib.h jpeg libjpeg-dev)
nj_need(WEBP webp/decode.h webp libwebp-dev)
nj_need(WEBPMUX webp/mux.h webpmux libwebp-dev)
nj_need(WEBPDEMUX webp/demux.h webpdemux libwebp-dev)
nj_need(EXIF libexif/exif-data.h exif libexif-dev)
nj_need(ZLIB zlib.h z zlib1g-dev)
nj_need(CRYPTO openssl/evp.h crypto libssl-dev)
foreach(name CJSON STB UTF8PROC PNG JPEG WEBPMUX WEBPDEMUX WEBP EXIF ZLIB CRYPTO)
  target_include_directories(nj_deps SYSTEM INTERFACE ${NJ_${name}_INCLUDE})
  if(NJ_${name}_LIBRARY)
    target_link_libraries(nj_deps INTERFACE ${NJ_${name}_LIBRARY})
  endif()
endforeach()

# libtorch: a given folder, the checkout's .venv, or the python3 that has it.
if(NOT NJ_TORCH_DIR)
  file(GLOB nj_torch_found
    ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  if(nj_torch_found)
    list(GET nj_torch_found 0 NJ_TORCH_DIR)
  else()
    execute_process(
      COMMAND python3 -c "import torch; print(torch.__path__[0])"
      OUTPUT_VARIABLE NJ_TORCH_DIR OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET)
  endif()
endif()
if(NOT EXISTS "${NJ_TORCH_DIR}/include/ATen/ATen.h")
  message(FATAL_ERROR
    "libtorch is missing: run scripts/setup.sh, or set NJ_TORCH_DIR to a "
    "folder with include/ and lib/")
endif()
message(STATUS "libtorch: ${NJ_TORCH_DIR}")
add_library(nj_torch INTERFACE)
target_include_directories(nj_torch SYSTEM INTERFACE ${NJ_TORCH_DIR}/include)
set(nj_torch_libraries torch_cpu c10)
file(GLOB nj_python_nvidia ${NJ_TORCH_DIR}/../nvidia/*/lib)
if(NJ_CUDA)
  list(APPEND nj_torch_libraries torch_cuda c10_cuda)
  # The kernels need the runtime library themselves: that of libtorch's wheel.
  foreach(dir ${nj_python_nvidia})
    target_link_options(nj_torch INTERFACE -Wl,-rpath,${dir})
  endforeach()
endif()
list(TRANSFORM nj_torch_libraries PREPEND "-l")
target_link_options(nj_torch INTERFACE
  -L${NJ_TORCH_DIR}/lib -Wl,--no-as-needed ${nj_torch_libraries}
  -Wl,--as-needed -Wl,--allow-shlib-undefined -Wl,-rpath,${NJ_TORCH_DIR}/lib)
# What our code and libtorch have by the same name (C++ templates) stays apart,
# as in the engine, which shows nothing but its functions.
target_link_options(nj_torch INTERFACE
  -Wl,--exclude-libs,libnj_plain.a:libnj_tensor.a:libnj_shim.a:libnj_cuda.a)
# at::parallel_for is a template: a file that is compiled without OpenMP runs
# its loops on one thread and says nothing. The threads are those of libtorch's
# own runtime, so that there is one pool and one number of threads.
target_compile_options(nj_torch INTERFACE
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fopenmp>")
file(GLOB nj_torch_gomp
  ${NJ_TORCH_DIR}/lib/libgomp*.so* ${NJ_TORCH_DIR}/../torch.libs/libgomp*.so*)
if(nj_torch_gomp)
  list(GET nj_torch_gomp 0 nj_torch_gomp)
  target_link_libraries(nj_torch INTERFACE ${nj_torch_gomp})
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(nj_torch INTERFACE -fopenmp)
endif()
