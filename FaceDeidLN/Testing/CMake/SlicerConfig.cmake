# Stands in for Slicer's own package, so that the extension can be configured where Slicer is not built.
# It checks what Slicer's macros check: every listed file exists, and no keyword is unknown. What would be installed is written
# to SCRIPTS.txt and RESOURCES.txt of the build folder.

set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
set(Slicer_FOUND TRUE)
