# Tests that are scripts, and tools of several files.

# tests/tools/checkpoint: what make_checkpoint.c is built of.
file(GLOB checkpoint_sources CONFIGURE_DEPENDS tools/checkpoint/*.c)
target_sources(make_checkpoint PRIVATE ${checkpoint_sources})
target_include_directories(make_checkpoint PRIVATE tools/checkpoint tools)
target_compile_definitions(make_checkpoint PRIVATE
  NJ_SOURCE_DIR="${PROJECT_SOURCE_DIR}")

add_test(NAME tools/make_checkpoint COMMAND
  ${CMAKE_COMMAND} -E env sh -c
  "./make_checkpoint --kind unet '${PROJECT_SOURCE_DIR}/models/demo/card.json' random.pt && ./make_checkpoint --compare --kind unet '${PROJECT_SOURCE_DIR}/models/demo/card.json' random.pt && ./make_checkpoint --compare --kind unet '${PROJECT_SOURCE_DIR}/models/demo/card.json' '${PROJECT_SOURCE_DIR}/models/demo/unet.safetensors'")
set_tests_properties(tools/make_checkpoint PROPERTIES LABELS tools
  ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp;ASAN_OPTIONS=${nj_asan_options}")

# The program on the end-to-end cases of tests/fixtures.
if(TARGET nightjar AND TARGET endtoend_case)
  add_test(NAME cli/endtoend COMMAND
    ${PROJECT_SOURCE_DIR}/tests/cli/endtoend.sh ${PROJECT_BINARY_DIR}/nightjar
    ${PROJECT_SOURCE_DIR}/tests/fixtures/endtoend)
  set_tests_properties(cli/endtoend PROPERTIES LABELS cli
    ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp;ASAN_OPTIONS=${nj_asan_options};OMP_WAIT_POLICY=passive")
endif()

# What the script for machines with a GPU does with failures.
add_test(NAME cli/gpu_check COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/gpu_check.sh)
set_tests_properties(cli/gpu_check PROPERTIES LABELS cli)

# Same seed, same file: the program on the small networks of the fixtures.
if(TARGET nightjar)
  set(small ${PROJECT_SOURCE_DIR}/tests/fixtures/endtoend/networks)
  set(same ${PROJECT_SOURCE_DIR}/tests/cli/same_bytes.sh
    ${PROJECT_BINARY_DIR}/nightjar --unet ${small}/unet.pt
    --unet-config ${small}/card.json --clip ${small}/clip.safetensors)
  add_test(NAME cli/same_bytes COMMAND ${same} --timestep-respacing 3)
  # Pictures so large that libtorch shares out their sums too.
  add_test(NAME cli/same_bytes_large COMMAND ${same} --timestep-respacing 2
    --width 192 --height 192 --skip-timesteps 1 --cutouts russell --cutn 2 --clamp-max .05
    --tv-scale 150 --range-scale 50 --sat-scale 10)
  set_tests_properties(cli/same_bytes cli/same_bytes_large PROPERTIES LABELS cli
    ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp;ASAN_OPTIONS=${nj_asan_options};OMP_WAIT_POLICY=passive")
endif()

# tests/fault: what a night may bring. The long forms are run by hand.
add_library(inject MODULE fault/inject.c)
target_link_libraries(inject PRIVATE ${CMAKE_DL_LIBS})
add_library(clock MODULE fault/clock.c)
target_link_libraries(clock PRIVATE ${CMAKE_DL_LIBS})
add_library(trace MODULE fault/trace.c)
set_target_properties(inject clock trace PROPERTIES PREFIX "")
find_package(Python3 COMPONENTS Interpreter)
function(nj_fault name)
  add_test(NAME fault/${name} COMMAND ${ARGN})
  set_tests_properties(fault/${name} PROPERTIES LABELS fault TIMEOUT 600
    SKIP_RETURN_CODE 77)
endfunction()
if(TARGET nightjar_fake AND NOT NJ_SANITIZE)
  set(fault ${PROJECT_SOURCE_DIR}/tests/fault)
  nj_fault(kill ${fault}/kill.sh 25 $<TARGET_FILE:nightjar_fake>)
  nj_fault(kill_real ${fault}/kill.sh 4 $<TARGET_FILE:nightjar>)
  nj_fault(full_disk ${fault}/full_disk.sh $<TARGET_FILE:nightjar_fake>)
  nj_fault(together ${fault}/together.sh $<TARGET_FILE:nightjar_fake>)
  nj_fault(together_kill ${fault}/together.sh $<TARGET_FILE:nightjar_fake>
    kill)
  nj_fault(workers ${fault}/workers.sh $<TARGET_FILE:nightjar_fake>)
  nj_fault(trace ${fault}/trace.sh $<TARGET_FILE:trace>)
  if(Python3_FOUND)
    nj_fault(inject ${Python3_EXECUTABLE} ${fault}/inject.py
      $<TARGET_FILE:nightjar_fake> $<TARGET_FILE:inject> --every 7
      --kinds write,sync,rename,open,mkdir)
    nj_fault(clock ${Python3_EXECUTABLE} ${fault}/clock.py
      $<TARGET_FILE:nightjar_fake> $<TARGET_FILE:clock>)
    nj_fault(inject_malloc ${Python3_EXECUTABLE} ${fault}/inject.py
      $<TARGET_FILE:nightjar_fake> $<TARGET_FILE:inject> --every 211
      --kinds malloc)
  endif()
endif()

# scripts/fetch-models.sh against a server that misbehaves.
add_test(NAME cli/fetch_models COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/fetch_models.sh)
set_tests_properties(cli/fetch_models PROPERTIES LABELS cli TIMEOUT 600)

# docs/nightjar.1 and scripts/completions/ against the tables they are made from.
add_test(NAME cli/generated COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/generated.sh $<TARGET_FILE:nightjar>)
set_tests_properties(cli/generated PROPERTIES LABELS cli)

# Records: info, reproduce, and other programs.
add_test(NAME cli/records COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/records.py $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/records PROPERTIES LABELS cli)

# Names of pictures against prompts that try to break them.
add_test(NAME cli/torture_names COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/torture_names.py
  $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/torture_names PROPERTIES LABELS cli)

# Drawn seeds: one a job, and the same command goes on with it.
add_test(NAME cli/seeds COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/seeds.py $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/seeds PROPERTIES LABELS cli)

# nightjar status on manifests of every kind.
add_test(NAME cli/status COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/status.py $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/status PROPERTIES LABELS cli)

# How a run is shown: on terminals of two sizes, in a log, to programs.
add_test(NAME cli/progress COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/progress.py $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/progress PROPERTIES LABELS cli)

# Closed standard files and ignored signals.
add_test(NAME cli/surroundings COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/surroundings.py
  $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/surroundings PROPERTIES LABELS cli)

# Jobs as docs/jobs.md shows them.
add_test(NAME cli/jobs COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/jobs.py $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/jobs PROPERTIES LABELS cli)

# The job array on a real Slurm; skipped where there is none.
add_test(NAME cli/slurm COMMAND
  ${PROJECT_SOURCE_DIR}/tests/cli/slurm.sh $<TARGET_FILE:nightjar_fake>)
set_tests_properties(cli/slurm PROPERTIES LABELS "cli;slow"
  SKIP_RETURN_CODE 77 TIMEOUT 600)

# The gallery in a headless Chromium, where there is one; and an index of a
# thousand vectors against numpy, where that is there.
if(TARGET nightjar_fake)
  add_test(NAME browser/gallery COMMAND
    ${PROJECT_SOURCE_DIR}/tests/browser/gallery.py
    $<TARGET_FILE:nightjar_fake> 200)
  set_tests_properties(browser/gallery PROPERTIES LABELS slow
    SKIP_RETURN_CODE 77 TIMEOUT 600)
endif()
add_test(NAME tools/search COMMAND sh -c
  "rm -f search.embeddings && ./bench_search make search.embeddings 5000 96 && ./bench_search find search.embeddings 50 10 | '${PROJECT_SOURCE_DIR}/tests/tools/compare_search.py' search.embeddings 10")
set_tests_properties(tools/search PROPERTIES LABELS tools SKIP_RETURN_CODE 77)
