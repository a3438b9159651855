#!/bin/bash
# The built program from outside: exit codes, one-line errors, pure stdout, equal bytes.
# usage: cli.sh AFFEKT
set -u
affekt=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# fail WHAT: counts and shows a broken expectation, with what the last run said.
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stdout: /' "$folder/stdout" | head -5
    sed 's/^/  stderr: /' "$folder/stderr" | head -5
}

# run CODE ARGUMENT...: runs affekt and expects the exit code.
run() {
    local want=$1 code
    shift
    "$affekt" "$@" >"$folder/stdout" 2>"$folder/stderr" </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "affekt $*: exit code $code, want $want"
}

# refuses CODE MESSAGE ARGUMENT...: an empty stdout and exactly one line on stderr.
refuses() {
    local want=$1 message=$2
    shift 2
    run "$want" "$@"
    [ ! -s "$folder/stdout" ] || fail "affekt $*: stdout is not empty"
    [ "$(wc -l <"$folder/stderr")" -eq 1 ] || fail "affekt $*: not one line on stderr"
    [ "$(cat "$folder/stderr")" = "error: $message" ] || fail "affekt $*: want '$message'"
}

# shows WORD ARGUMENT...: succeeds with WORD on stdout and nothing on stderr.
shows() {
    local word=$1
    shift
    run 0 "$@"
    grep -q -- "$word" "$folder/stdout" || fail "affekt $*: no '$word' on stdout"
    [ ! -s "$folder/stderr" ] || fail "affekt $*: stderr is not empty"
}

shows 'Usage: affekt VERB' --help
shows 'compose' -h
shows '^affekt [0-9]*\.[0-9]*\.[0-9]*$' --version
shows '^MPI: ' --version
shows '^HDF5: [0-9]' --version
shows '^BLIS: [0-9.]* ([a-z0-9]* kernel)$' --version
shows '^ScaLAPACK: libscalapack[-.0-9a-z]*, BLAS of libblis' --version
shows 'Usage: affekt compose' compose --help
shows '--json' compose --count 3 --help
shows '--seed' compose --nonsense -h

refuses 2 'no verb given (affekt --help lists them)'
refuses 2 "unknown verb 'compsoe'; did you mean 'compose'? (affekt --help lists them)" compsoe
refuses 2 "unknown verb 'zzzzzzz' (affekt --help lists them)" zzzzzzz
refuses 2 "unknown option '--cuont'; did you mean '--count'?" compose --cuont 3
refuses 2 "unknown option '--zzzzzz'" compose --zzzzzz
refuses 2 "option '--count' needs a value" compose --count
refuses 2 "option '--json' takes no value" compose --json=3
refuses 2 "unknown option or missing value: '-x'" compose -x
refuses 2 "unexpected argument 'stray'" compose --out "$folder/out" stray
refuses 2 '--out DIR is missing' compose
refuses 2 '--count = 0: want a whole number from 1 to 99999' compose --count 0 --out "$folder/out"
refuses 2 '--bars = 1e2: want a whole number from 1 to 512' compose --bars 1e2 --out "$folder/out"
refuses 2 '--seed = -1: want a whole number from 0 to 9007199254740991' \
    compose --seed=-1 --out "$folder/out"
refuses 2 '--emotion = angry: want happy, tense, sad, calm, Q1 to Q4 or all' \
    compose --emotion angry --out "$folder/out"
[ ! -e "$folder/out" ] || fail 'a refused command line made its folder'


export ASAN_OPTIONS=detect_leaks=0 # evaluate starts MPI, whose plugins leak
refuses 2 '--pool gmm: want NAME=RUN,RUN,...' evaluate --pool gmm
refuses 2 '--pool =run: want NAME=RUN,RUN,...' evaluate --pool =run
refuses 2 '--pool: not with --checkpoint or --corpus' evaluate --pool gmm=run --corpus c.h5
refuses 1 "pool 'gmm': no run" evaluate --pool gmm=,
refuses 1 "pool 'gmm': named twice" evaluate --pool gmm=run --pool gmm=run
mkdir "$folder/evaluated"
printf '[train]\nseed = 3\n' >"$folder/evaluated/config.ini"
cat >"$folder/evaluated/evaluation.json" <<END
{"clusters": {"silhouette": {"value": 0.25, "low": 0.1, "high": 0.3}},
 "labelled": [{"name": "x/a", "source": "x", "label": 1, "told": {"mixture": 1, "rhythm": 2}}]}
END
pool=gmm=$folder/evaluated
shows '^| gmm | mixture | 1.000 \[1.000, 1.000\] |' evaluate --pool "$pool"
shows '^| gmm | mixture_less_rhythm | 1.000 ' evaluate --pool "$pool"
shows '^| clusters.silhouette | 0.250 \[0.250, 0.250\] | 0.250 ' evaluate --pool "$pool" \
    --pool "both=$folder/evaluated"
shows '"seeds": 1' evaluate --pool "$pool" --json
unset ASAN_OPTIONS
refuses 1 '/dev/null/x: cannot make the folder: Not a directory' compose --out /dev/null/x
touch "$folder/file"
refuses 1 "$folder/file: cannot make the folder: File exists" compose --out "$folder/file"

# The same seed gives the same bytes; another seed does not.
run 0 compose --count 3 --seed 5 --out "$folder/a"
[ "$(cat "$folder/stdout")" = "12 pieces in $folder/a" ] || fail 'the summary is not as expected'
[ "$(wc -l <"$folder/stderr")" -le 1 ] || fail 'more than one progress line in an interval'
run 0 compose --count 3 --seed 5 --out "$folder/b"
run 0 compose --count 3 --seed 6 --out "$folder/c"
diff -r "$folder/a" "$folder/b" >/dev/null || fail 'equal seeds, different files'
cmp -s "$folder/a/sad-00001.mid" "$folder/c/sad-00001.mid" && fail 'different seeds, equal files'

# One row a piece in both tables, each naming a file that is there.
for table in labels.csv factors.csv; do
    [ "$(wc -l <"$folder/a/$table")" -eq 13 ] || fail "$table: want 13 lines"
    tail -n +2 "$folder/a/$table" | cut -d, -f1 | while read -r name; do
        [ "$(head -c 4 "$folder/a/$name")" = MThd ] || echo "$name"
    done | grep . && fail "$table names a file that is not MIDI"
done
[ "$(head -1 "$folder/a/labels.csv")" = path,label ] || fail 'labels.csv: wrong head'
grep -q '^tense-00003.mid,tense$' "$folder/a/labels.csv" || fail 'labels.csv: no tense-00003.mid'
[ "$(ls "$folder/a" | wc -l)" -eq 14 ] || fail 'temporaries are left'

# A single emotion by its quadrant's name; JSON alone on stdout; a second run replaces the files.
run 0 compose --emotion q3 --count 2 --json --out "$folder/b/"
python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); sys.exit(d["pieces"] != 2)' \
    "$folder/stdout" || fail 'stdout is not the expected JSON'
[ "$(wc -l <"$folder/b/labels.csv")" -eq 3 ] || fail 'labels.csv was not replaced'

run 1 compose --count 1 --json --out "$folder/"$'\xff'
grep -q 'UTF-8' "$folder/stderr" || fail 'a name outside UTF-8 is not explained'

# Results that cannot be written are a failure.
"$affekt" --version >/dev/full 2>"$folder/stderr"
[ $? -eq 1 ] || fail 'a full stdout went unnoticed'
grep -q '^error: stdout: ' "$folder/stderr" || fail 'a full stdout was not named'

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
