# Our own kernels: loops for the CPU, compiled once per instruction set, and
# the CUDA kernels of src/cuda, only in the cuda preset. The plain C twins of
# the latter are always there.
set(nj_cpu_kernels ${PROJECT_SOURCE_DIR}/src/torch/cpu_attention.cpp
  ${PROJECT_SOURCE_DIR}/src/torch/cpu_kernels.cpp
  ${PROJECT_SOURCE_DIR}/src/torch/cpu_product.cpp
  ${PROJECT_SOURCE_DIR}/src/torch/cpu_winograd.cpp)
# Vectors wider than the baseline's registers are never passed between
# functions that are not inlined, so their calling convention does not matter.
set_source_files_properties(${nj_cpu_kernels} PROPERTIES
  COMPILE_OPTIONS "-O3;-Wno-psabi")
set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/torch/cpu_attention.cpp
  ${PROJECT_SOURCE_DIR}/src/torch/cpu_product.cpp
  ${PROJECT_SOURCE_DIR}/src/torch/cpu_winograd.cpp
  APPEND PROPERTY COMPILE_OPTIONS -ffp-contract=fast)

function(nj_kernel_set name sources)
  add_library(nj_kernels_${name} OBJECT ${sources})
  target_compile_definitions(nj_kernels_${name} PRIVATE NJ_KERNELS=${name})
  target_include_directories(nj_kernels_${name} PRIVATE src)
  target_link_libraries(nj_kernels_${name} PRIVATE nj_flags)
  target_compile_options(nj_kernels_${name} PRIVATE ${ARGN})
  target_sources(nj_shim PRIVATE $<TARGET_OBJECTS:nj_kernels_${name}>)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  nj_kernel_set(avx2 "${nj_cpu_kernels}" -mavx2 -mfma)
  nj_kernel_set(avx512 "${nj_cpu_kernels}"
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma)
  nj_kernel_set(avx512bf16 ${PROJECT_SOURCE_DIR}/src/torch/cpu_product.cpp
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma)
  target_compile_definitions(nj_shim PRIVATE NJ_X86_KERNELS=1)
endif()

file(GLOB nj_twin_sources CONFIGURE_DEPENDS src/cuda/*.c)
target_sources(nj_shim PRIVATE ${nj_twin_sources})
set_source_files_properties(${nj_twin_sources} PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON)

if(NJ_CUDA)
  target_compile_definitions(nj_flags INTERFACE NJ_CUDA=1)
  if(NOT CMAKE_CUDA_COMPILER)
    find_program(CMAKE_CUDA_COMPILER nvcc HINTS /usr/local/cuda/bin)
  endif()
  enable_language(CUDA)
  # libtorch's own, in all that is linked: two in one process each keep their
  # books of the same device.
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  find_package(CUDAToolkit REQUIRED)
  file(GLOB nj_cuda_sources CONFIGURE_DEPENDS src/cuda/*.cu)
  add_library(nj_cuda STATIC ${nj_cuda_sources})
  # No fused multiply-add: the twins must be able to repeat the sums.
  set_source_files_properties(${nj_cuda_sources} PROPERTIES
    COMPILE_OPTIONS -fmad=false)
  # Turing to Blackwell; PTX of the last for what comes after.
  set_target_properties(nj_cuda PROPERTIES
    CUDA_STANDARD 17
    CUDA_ARCHITECTURES "75-real;80-real;86-real;89-real;90-real;100-real;120")
  target_include_directories(nj_cuda PRIVATE src)
  target_include_directories(nj_shim SYSTEM PRIVATE
    ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(nj_shim PUBLIC nj_cuda)
  if(CUDAToolkit_LIBRARY_DIR)
    target_link_options(nj_cuda INTERFACE -Wl,-rpath,${CUDAToolkit_LIBRARY_DIR})
  endif()
endif()
