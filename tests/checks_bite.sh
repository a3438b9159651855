#!/bin/bash
# The checks of the sources must be able to fail: each is given a small tree with one fault in it.
# usage: checks_bite.sh TESTS_DIR COMPILER
set -u
tests=$1
compiler=$2
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# plant: a sound tree.
plant() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{comm,io,model,trainer,jobs,tests,slurm}
    printf '#pragma once\nenum status { OK };\n' >"$tree/comm/status.h"
    printf 'int group_size(void);\n' >"$tree/comm/group.h"
    printf 'int gemm(void);\n' >"$tree/model/gemm.h"
    printf '#include "status.h"\n#include "gemm.h"\n\nint gemm(void)\n{\n    return 1;\n}\n' \
        >"$tree/model/gemm.c"
}

# expect WANT CHECK WHAT: runs a check on the tree; WANT is pass, or what a refusal must say.
expect() {
    local output code
    output=$(bash "$tests/$2.sh" "$tree" "$compiler" 2>&1)
    code=$?
    if [ "$1" = pass ]; then
        [ "$code" -eq 0 ] && return
    elif [ "$code" -ne 0 ] && grep -q -- "$1" <<<"$output"; then
        return
    fi
    failures=$((failures + 1))
    echo "FAILED: $2 with $3: exit code $code, said: $output"
}

# layers WANT FILE TEXT: one line added to a file of the sound tree.
layers() {
    plant
    printf '%s\n' "$3" >>"$tree/$2"
    expect "$1" layers "$3 in $2"
}

plant
for check in layers sizes headers; do expect pass $check 'a sound tree'; done
layers pass trainer/a.c '#include "gemm.h"'
layers pass comm/group.c '#include <mpi.h>'
layers 'may not include model/gemm.h' io/a.c '#include "gemm.h"'
layers 'may not include model/gemm.h' comm/a.h '#include "gemm.h"'
layers 'may not include comm/group.h' model/a.c '#  include "group.h"'
layers 'may not include model/gemm.h' io/a.c '#include "../model/gemm.h"'
layers 'none of the folders' jobs/a.c '#include "absent.h"'
layers 'may not include <mpi.h>' trainer/a.c '#include <mpi.h>'
layers 'may not include <mpi.h>' comm/group.h '#include <mpi.h>'
layers 'may not include <hdf5.h>' trainer/a.c '#include <hdf5.h>'
layers 'may not include <blis.h>' model/a.c '#include <blis.h>'
layers 'reads the environment' jobs/a.c 'char *a = getenv("A");'
layers 'the name of two files' io/gemm.c 'int a;'
layers 'a type that ends in _t' io/a.h 'typedef int pitch_t;'

plant
yes 'int a;' | head -501 >"$tree/io/a.c"
expect '501 lines' sizes 'a long file'
plant
{
    printf 'int a(int x,\n      int y)\n{\n'
    yes '    x++;' | head -57
    printf '}\n'
} >"$tree/io/a.c"
expect 'function of 61 lines' sizes 'a long function'
sed -i 4d "$tree/io/a.c"
expect pass sizes 'a function of 60 lines'

plant
printf 'size_t a(void);\n' >"$tree/io/a.h"
expect 'io/a.h: does not compile alone' headers 'a missing include'
printf 'struct a { int b; };\n' >"$tree/io/a.h"
expect 'io/a.h: does not compile alone' headers 'no include guard'

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
