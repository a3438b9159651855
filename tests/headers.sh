#!/bin/bash
# Every header compiles alone and twice, with no more than its layer in sight.
# usage: headers.sh SOURCE_DIR COMPILER FLAG...    the flags say where the libraries' headers are
set -u
shopt -s nullglob
cd "$1" || exit 1
shift
failures=0
checked=0

# check_folder FOLDER LAYER...: the headers of a folder, with those of the layers below it.
check_folder() {
    local folder=$1 header name
    local -a search=("${@/#/-I}")
    for header in "$folder"/*.h; do
        name=${header#*/}
        checked=$((checked + 1))
        printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
            "${compiler[@]}" -std=c11 -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
                "${search[@]}" -x c - && continue
        failures=$((failures + 1))
        echo "$header: does not compile alone"
    done
}

compiler=("$@")
check_folder comm
check_folder io comm
check_folder model comm
check_folder trainer model io comm
check_folder jobs trainer model io comm
check_folder tests jobs trainer model io comm
[ "$checked" -gt 0 ] || failures=1
[ "$failures" -eq 0 ] && echo "all $checked passed"
exit $((failures != 0))
