#!/bin/bash
# The order of the folders: what each may include, which files may touch MPI, HDF5, BLIS and the
# environment; and names: unique file names, no `_t` types.
# usage: layers.sh SOURCE_DIR
set -u
shopt -s nullglob
cd "$1" || exit 1
failures=0

fail() {
    failures=$((failures + 1))
    echo "$1"
}

# may_include FOLDER FOLDER_OF_HEADER HEADER
may_include() {
    [ "$3" != scalapack.h ] || [ "$1" = comm ] || return
    case $1:$2 in
    "$1:$1" | io:comm | trainer:comm | trainer:io | trainer:model) ;;
    jobs:comm | jobs:io | jobs:model | jobs:trainer | tests:*) ;;
    model:comm) [ "$3" = status.h ] ;;
    *) false ;;
    esac
}

# may_use FILE HEADER: libraries that only some files may know.
may_use() {
    case $2 in
    mpi.h) case $1 in comm/*.c | io/checkpoint*.c | io/corpus*.c | tests/*) ;; *) false ;; esac ;;
    hdf5.h) case $1 in io/* | jobs/version.c | tests/*) ;; *) false ;; esac ;;
    blis.h) [ "$1" = model/gemm_blis.c ] ;;
    archive*.h) case $1 in io/*.c | tests/*) ;; *) false ;; esac ;;
    ini.h) [ "$1" = trainer/config.c ] ;;
    Random123/*) case $1 in model/*.c) ;; *) false ;; esac ;;
    esac
}

program=({comm,io,model,trainer,jobs}/*.[ch])
sources=("${program[@]}" tests/*.[ch] tests/*/*.[ch])
declare -A folder_of
for file in "${sources[@]}"; do folder_of[${file##*/}]=${file%%/*}; done
[ ${#sources[@]} -gt 0 ] || fail 'no sources found'
includes=$(grep -HE '^[[:space:]]*#[[:space:]]*include' "${sources[@]}" /dev/null |
    sed -E 's/^([^:]*):[^<"]*(["<])([^>"]*)[">].*/\1 \2 \3/')
while read -r file kind header; do
    [ -n "$file" ] || continue
    if [ "$kind" = '<' ]; then
        may_use "$file" "$header" || fail "$file: may not include <$header>"
        continue
    fi
    folder=${folder_of[${header##*/}]-}
    if [ -z "$folder" ]; then
        fail "$file: includes \"$header\", which is in none of the folders"
    elif ! may_include "${file%%/*}" "$folder" "$header"; then
        fail "$file: may not include $folder/${header##*/}"
    fi
done <<<"$includes"

# The environment is read in two files: BLIS's choice of kernel, and what launchers tell of ranks.
while read -r file; do
    case $file in
    '' | model/gemm_blis.c | trainer/placement.c) ;;
    *) fail "$file: reads the environment" ;;
    esac
done <<<"$(grep -lE '\b(secure_)?getenv[[:space:]]*\(' "${program[@]}" /dev/null)"

# Not in jobs/, where a file is named after its verb, and so may be what it calls.
while read -r name; do
    [ -z "$name" ] || fail "$name: the name of two files"
done <<<"$(find comm io model trainer tests slurm -type f 2>/dev/null |
    sed 's#.*/##' | grep -v -e '^README.md$' -e '\.pyc$' | sort | uniq -d)"

while read -r line; do
    [ -z "$line" ] || fail "${line%%:*}: a type that ends in _t"
done <<<"$(grep -HE '^typedef\b.*\b[a-z0-9_]+_t;|^}[[:space:]]*[a-z0-9_]+_t;' "${sources[@]}" /dev/null)"

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
