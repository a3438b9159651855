#!/bin/bash
# The Apptainer definition against the project: its scripts parse, it installs every library that
# jobs/setup does, and what it runs and tests is what an installed affekt answers.  No Apptainer is in
# Debian 12 or PyPI.
# usage: apptainer_recipe.sh SOURCE_DIR BUILD_DIR
set -u
source=$1
build=$2
recipe=$source/slurm/affekt.def
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
}

# section NAME: its lines.
section() { sed -n "/^%$1\$/,/^%/{/^%/!p}" "$recipe"; }

[ "$(sed -n 's/^Bootstrap: //p; s/^From: //p' "$recipe" | paste -sd' ')" = 'docker debian:12' ] ||
    fail 'the base is not Debian 12'
unknown=$(sed -n 's/^%//p' "$recipe" | grep -vx -e files -e post -e environment -e runscript -e test)
[ -z "$unknown" ] || fail "sections that are not looked at here: $unknown"
for name in post environment runscript test; do
    section $name >"$folder/$name"
    [ -s "$folder/$name" ] || fail "%$name is empty"
    sh -n "$folder/$name" || fail "%$name is no script"
done

# jobs/setup's first list is what the program needs; the compiler comes as build-essential there
for package in $(sed -n '/^program=(/,/)/p' "$source/jobs/setup" | tr -d '()' | sed 's/^program=//'); do
    case $package in gcc | libc6-dev | make | xz-utils) continue ;; esac
    grep -qw -- "$package" "$folder/post" || fail "%post does not install $package"
done
for option in $(grep -o -- '-DAFFEKT_[A-Z_]*' "$folder/post" | sed 's/^-D//'); do
    grep -q "option($option " "$source/CMakeLists.txt" || fail "%post sets $option, which is no option"
done

cmake --install "$build" --prefix "$folder/prefix" >/dev/null || fail 'affekt cannot be installed'
export PATH=$folder/prefix/bin:$PATH TMPDIR=$folder
sed -i "s|/tmp/|$folder/|g" "$folder/test"
(set -e && . "$folder/environment" && . "$folder/test") >/dev/null 2>"$folder/err" ||
    fail "%test: $(cat "$folder/err")"
[ -n "$(find "$folder/affekt-test" -name '*.mid')" ] || fail '%test writes no music'
(. "$folder/environment" && sh "$folder/runscript" --version) | grep -q '^affekt ' ||
    fail '%runscript does not run affekt'

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
