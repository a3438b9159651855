#!/bin/bash
# clang-tidy on one source, silent unless it finds something.
# usage: tidy.sh CLANG_TIDY BUILD_DIR SOURCE    from the root, SOURCE as folder/name.c
set -u
tidy=$1
build=$2
source=$3
name=${source##*/}
extra=(-D_GNU_SOURCE= -include "$PWD/tests/analysis.h" -D"ANALYSIS_OF_${name%.c}")
case $source in
comm/group.c | comm/status.c | model/*) ;; # group_agree's own file; those that cannot know it
*) extra+=(-DANALYSIS_OF_RANKS) ;;
esac
output=$("$tidy" -p "$build" --quiet "${extra[@]/#/--extra-arg=}" "$source" 2>&1) && exit 0
grep -v 'warnings\? \(generated\|treated as\)\|^Suppressed\|^Use -header' <<<"$output"
exit 1
