#!/bin/bash
# jobs/demo from outside, without a network and with little training: every stage runs and its
# results are shown; what is finished is used again; a failure is one line.
# usage: demo.sh DEMO AFFEKT
check_page=$(realpath "$(dirname "$0")")/check_page.py
demo=$1
affekt=$2
# shellcheck source=tests/expectations.sh
. "$(dirname "$(realpath "$0")")/expectations.sh"

# run CODE ARGUMENT...: runs the demo and expects the exit code.
run() {
    local want=$1 code
    shift
    "$demo" "$@" >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "demo $*: exit code $code, want $want"
}

# refuses CODE PATTERN ARGUMENT...: one line on stderr that matches.
refuses() {
    local want=$1 pattern=$2
    shift 2
    run "$want" "$@"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "demo $*: not one line on stderr"
    grep -q "^error: $pattern" stderr || fail "demo $*: want '$pattern'"
}

# said WHAT: how many stages of the last run say so.
said() {
    grep -c -- "$1" stdout
}

quick() {
    run 0 --quick --offline --program "$affekt" out
    [ ! -s stderr ] || fail 'a good run has messages'
}

quick
[ "$(said 'done in an earlier run')" -eq 0 ] || fail 'a first run used an earlier one'
accuracy=$(sed -n 's/^ *four emotions *\([0-9.]*\) .*/\1/p' stdout)
awk -v a="${accuracy:-0}" 'BEGIN { exit !(a > 0.3 && a <= 1) }' || fail "accuracy '$accuracy'"
for emotion in happy tense sad calm; do
    grep -q "^   $emotion .*/out/music/$emotion-0002.mid$" stdout || fail "no row of $emotion"
    [ "$(head -c 4 "out/music/$emotion-0002.mid")" = MThd ] || fail "no music of $emotion"
done
python3 "$check_page" out/report.html 'out/run' '30 of 30, complete' 'Training loss' \
    'Emotion of held-out pieces' Faders 'happy-0002.mid: happy' 'calm-0001.mid: calm' >stderr ||
    fail 'no sound report'
grep -q 'report in .*out/report.html' stdout || fail 'the report is not named'
cp stdout first

# Again: nothing is composed, packed or trained anew, and the results are the same.
digest=$("$affekt" inspect --digest out/run)
quick
[ "$(said 'done in an earlier run')" -eq 5 ] || fail 'finished stages were not used again'
[ "$digest" = "$("$affekt" inspect --digest out/run)" ] || fail 'the model was trained again'
diff <(sed -n '/^Emotion/,/^Music/{/^Music/d;p}' first) \
    <(sed -n '/^Emotion/,/^Music/{/^Music/d;p}' stdout) >/dev/null || fail 'other results'

# A corpus that went missing is made again, and the model with it.
rm out/corpus.h5
quick
[ "$(said 'done in an earlier run')" -eq 2 ] || fail 'not just the corpus and the model are new'

refuses 2 "unknown option '--fast'" --fast
refuses 2 '--program needs a value' --program
refuses 2 "unexpected argument 'b'" a b
mkdir other && touch other/file
refuses 2 '.*other: holds something else than a demo' --quick --offline --program "$affekt" other
[ "$(ls other)" = file ] || fail 'a folder that is not a demo was changed'
refuses 1 'stage 1 (compose): .*false failed' --quick --offline --program "$(command -v false)" new

finish
