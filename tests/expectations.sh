# shellcheck shell=bash
# What tests of the program from outside share: a folder of their own, runs with an expected exit code,
# refusals, JSON.  Sourced with $affekt, the program's path, set; `finish` ends the test.
set -u
# Debian's python3-mido belongs to Debian's Python, which need not be the first on the path.
mido_python=python3
[ ! -x /usr/bin/python3 ] || mido_python=/usr/bin/python3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

# fail WHAT: counts and shows a broken expectation, with what the last run said.
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stdout: /' stdout | tail -5
    sed 's/^/  stderr: /' stderr | head -5
}

# run CODE ARGUMENT...: runs affekt and expects the exit code.
run() {
    local want=$1 code
    shift
    "$affekt" "$@" >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "affekt $*: exit code $code, want $want"
}

# refuses CODE MESSAGE ARGUMENT...: an empty stdout and exactly one line on stderr.
refuses() {
    refuses_after_notes "$@"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "affekt ${*:3}: not one line on stderr"
}

# The same for verbs that say how far they have come before they fail.
refuses_after_notes() {
    local want=$1 message=$2
    shift 2
    run "$want" "$@"
    [ ! -s stdout ] || fail "affekt $*: stdout is not empty"
    [ "$(grep -c '^error: ' stderr)" -eq 1 ] || fail "affekt $*: not one error"
    [ "$(tail -1 stderr)" = "error: $message" ] || fail "affekt $*: want '$message'"
}

# json EXPRESSION: whether it holds of the document d on the last stdout.
json() {
    python3 -c 'import json, sys
d = json.load(open("stdout"))
sys.exit(not eval(sys.argv[1]))' "$1" || fail "not so: $1"
}

# make ARGUMENT...: a checkpoint without training.
make() {
    "$make_checkpoint" "$@" >stdout 2>stderr || fail "make_checkpoint $*"
}

finish() {
    [ "$failures" -eq 0 ] && echo 'all passed'
    exit $((failures != 0))
}
