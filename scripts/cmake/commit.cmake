# The commit that is built, for --version and records. Configuring again when
# git's log of HEAD grows keeps it true.
find_package(Git QUIET)
set(nj_commit unknown)
if(GIT_FOUND)
  execute_process(
    COMMAND ${GIT_EXECUTABLE} rev-parse --short=12 HEAD
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE nj_commit OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE nj_git_failed ERROR_QUIET)
  if(nj_git_failed)
    set(nj_commit unknown)
  else()
    execute_process(
      COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      OUTPUT_VARIABLE nj_git_log OUTPUT_STRIP_TRAILING_WHITESPACE)
    cmake_path(ABSOLUTE_PATH nj_git_log BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(EXISTS ${nj_git_log})
      set_property(DIRECTORY APPEND PROPERTY
        CMAKE_CONFIGURE_DEPENDS ${nj_git_log})
    endif()
  endif()
endif()
set_source_files_properties(src/base/version.c PROPERTIES
  COMPILE_DEFINITIONS "NJ_COMMIT=\"${nj_commit}\"")
