#!/bin/bash
# affekt pack from outside: exit codes, one-line errors, pure stdout, archives, equal bytes on any
# number of ranks, and a killed run that leaves no half a file.
# usage: pack.sh AFFEKT MPIEXEC
affekt=$1
mpiexec=$2
# shellcheck source=tests/expectations.sh
. "$(dirname "$(realpath "$0")")/expectations.sh"

# run CODE COMMAND...: any command, not affekt alone.
run() {
    local want=$1 code
    shift
    "$@" >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "$*: exit code $code, want $want"
}

# refuses CODE MESSAGE ARGUMENT...: nothing on stdout, one line on stderr.
refuses() {
    local want=$1 message=$2
    shift 2
    run "$want" "$affekt" pack "$@"
    [ ! -s stdout ] || fail "pack $*: stdout is not empty"
    [ "$(grep -v '^packed ' stderr)" = "error: $message" ] || fail "pack $*: want '$message'"
}

ranks() {
    local n=$1
    shift
    "$mpiexec" --oversubscribe --bind-to none -n "$n" "$affekt" pack "$@"
}

run 0 "$affekt" compose --count 5 --out pieces
run 0 "$affekt" pack pieces --labels pieces/labels.csv --out one.h5 --report one.csv --json
python3 - <<'END' || fail "the JSON document is not as expected"
import json
d = json.load(open("stdout"))
assert d["inputs"] == 20 and d["pieces"] == 20 and d["outcomes"]["packed"] == 20, d
assert all(sum(s.values()) == 5 for s in d["labels"].values()), d
END
[ "$(wc -l <one.csv)" -eq 21 ] || fail "the report has not a row an input"
for n in 2 4; do
    run 0 ranks "$n" pieces --labels pieces/labels.csv --out "$n.h5" --report "$n.csv"
    cmp -s one.h5 "$n.h5" || fail "$n ranks wrote other bytes"
    cmp -s one.csv "$n.csv" || fail "$n ranks wrote another report"
done

tar czf pieces.tar.gz pieces/*.mid
run 0 "$affekt" pack pieces.tar.gz --out a.h5
run 0 ranks 3 pieces.tar.gz --out b.h5
cmp -s a.h5 b.h5 || fail "3 ranks read the archive otherwise"
printf 'path,label\npieces.tar.gz/pieces/%s,sad\n' "$(cd pieces && ls -- *.mid | head -1)" >in.csv
run 0 "$affekt" pack pieces.tar.gz --labels in.csv --out a.h5
grep -q "1 sad" stdout || fail "the label did not find its member"

refuses 2 "--out C.h5 is missing" pieces
refuses 2 "no INPUT given" --out x.h5
refuses 2 "--split = 90/5/6: want three percentages that make 100" pieces --out x.h5 --split 90/5/6
refuses 2 "--bars = 33: want a whole number from 1 to 32" pieces --out x.h5 --bars 33
refuses 1 "none of 1 inputs could be packed; in.csv: not a MIDI file" in.csv --out x.h5
refuses 1 "pieces: is a folder" pieces --out pieces
refuses 1 "none/x.h5.tmp: cannot be created: No such file or directory" pieces --out none/x.h5
refuses 1 "x.h5: No such file or directory" pieces --out x.h5 --append
printf 'path,label\nx.mid,sad\n' >bad.csv
refuses 1 "bad.csv:2: no input x.mid" pieces --labels bad.csv --out x.h5
first=pieces/$(cd pieces && ls -- *.mid | head -1)
printf 'path,label\n%s,angry\n' "$first" >bad.csv
refuses 1 "bad.csv:2: label angry is none of happy, tense, sad, calm, Q1 to Q4" \
    pieces --labels bad.csv --out x.h5
printf 'path,valence,arousal\n%s,0.5,2\n' "$first" >bad.csv
refuses 1 "bad.csv:2: arousal 2 is no number from -1 to 1" pieces --labels bad.csv --out x.h5
[ ! -e x.h5 ] || fail "a failed run left a corpus"
run 0 "$affekt" pack in.csv pieces --out x.h5
grep -q "1 unreadable" stdout || fail "the unreadable input is not counted"

# Killed at any moment, the corpus is the old one or the new one, and the next run succeeds.
cp one.h5 k.h5
for delay in 0.005 0.01 0.02 0.03 0.05; do
    "$affekt" pack pieces --out k.h5 --bars 4 >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    cp k.h5 copy.h5
    run 0 "$affekt" pack pieces --out copy.h5 --append
done
run 0 "$affekt" pack pieces --labels pieces/labels.csv --out k.h5
cmp -s one.h5 k.h5 || fail "the run after the kills wrote other bytes"

finish
