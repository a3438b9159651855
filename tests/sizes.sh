#!/bin/bash
# No file over 500 lines, no function over 60.  A function runs from the first line of its head to
# the brace in the first column that closes it, as clang-format lays them out.
# usage: sizes.sh SOURCE_DIR
set -u
shopt -s nullglob
cd "$1" || exit 1

# Left out: tests/oracle, which states whole models at once, with the numbers that come of them.
files=({comm,io,model,trainer,jobs,tests}/*.{c,h,sh,py,cmake} slurm/*.{sh,sbatch}
    slurm/submit jobs/{setup,demo,experiment,experiment_plan} tests/run)
existing=()
for file in "${files[@]}"; do
    if [ -f "$file" ]; then existing+=("$file"); fi
done
if [ ${#existing[@]} -eq 0 ]; then
    echo 'no files found'
    exit 1
fi

awk -v file_limit=500 -v function_limit=60 '
function complain(text) {
    print text
    failures++
}
function end_file() {
    if (lines > file_limit) complain(file ": " lines " lines, limit " file_limit)
}
FNR == 1 {
    if (file) end_file()
    file = FILENAME
    is_c = file ~ /\.[ch]$/
    head = body = 0
}
{ lines = FNR }
!is_c { next }
body && /^}/ {
    if (FNR - head + 1 > function_limit)
        complain(file ":" head ": function of " (FNR - head + 1) " lines, limit " function_limit)
    head = body = 0
    next
}
body { next }
/^{/ && head {
    body = 1
    next
}
/^[A-Za-z_]/ && !head { head = FNR }
/^[\/#}]/ || /^ \*/ || /^$/ || /;$/ { head = 0 }
END {
    end_file()
    if (!failures) print "all passed"
    exit failures != 0
}' "${existing[@]}"
