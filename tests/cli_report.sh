#!/bin/bash
# report from outside: a whole page of a real run, pages of what is left of others, hostile names and
# files, and what is refused.
# usage: cli_report.sh AFFEKT CHECK_PAGE
here=$(realpath "$(dirname "$0")")
affekt=$1
check_page=$2
. "$here/expectations.sh"

# page FILE [TEXT...]: a sound page with these texts.
page() {
    python3 "$check_page" "$@" >faults || {
        fail "$1: not a sound page"
        sed 's/^/  /' faults | head -5
    }
}

# has N PATTERN FILE: how many times it is there.
has() {
    local n
    n=$(grep -o -e "$2" "$3" | wc -l)
    [ "$n" -eq "$1" ] || fail "$3: $n times '$2', want $1"
}

# change EXPRESSION...: python statements on a run's evaluation d; the run is `changed`.
change() {
    rm -rf changed
    cp -r run changed
    python3 -c 'import json, sys
d = json.load(open("run/evaluation.json"))
exec(sys.argv[1])
json.dump(d, open("changed/evaluation.json", "w"))' "$1"
}

run 0 report --help
grep -q '^Usage: affekt report \[OPTION...\] RUN\.\.\.$' stdout || fail 'report --help'
refuses 2 'no RUN given' report --out r.html
refuses 2 '--out R.html is missing' report run
refuses 2 "unknown option '--output'; did you mean '--out'?" report run --output r.html
echo old >r.html
mkdir empty
refuses 1 'none: No such file or directory' report none --out r.html
refuses 1 'r.html: not a folder' report r.html --out r.html
refuses 1 'empty: not a run folder: no config.ini, metrics.jsonl, evaluation.json or checkpoints in it' \
    report empty --out r.html
[ "$(cat r.html)" = old ] || fail 'a refused report changed the page'

# A real run, evaluated, with music: everything is there.
run 0 compose --count 4 --seed 3 --out music
run 0 pack music --labels music/labels.csv --split 50/25/25 --out corpus.h5
run 0 train --corpus corpus.h5 --out run --preset tiny --steps 12 --set train.batch=4 \
    --set train.stage1=0.5 --set train.warmup=1 --set train.validate_every=4
run 0 evaluate --checkpoint run --corpus corpus.h5 --split train --count 4 --sweeps 1 --transfers 1 \
    --drafts 1
run 0 generate --checkpoint run --emotion sad --count 2 --bars 4 --out run/samples
run 0 report run/ --out r.html --json
cp stdout first
json 'd["file"] == "r.html" and d["left_out"] == [] and d["pieces"] == 2'
json 'd["runs"] == [{"run": "run", "last_step": 12, "checkpoint_step": 12, "complete": True,
    "evaluated": True, "metrics_lines": 15, "metrics_lines_passed_over": 0}]'
[ "$(python3 -c 'import json; print(json.load(open("first"))["bytes"])')" -eq "$(stat -c %s r.html)" ] ||
    fail 'another size than told'
page r.html 'preset tiny, width 64' '12 of 12, complete' 'Best validation' 'corpus.h5' 'stage 3' \
    'Emotion of held-out pieces' 'sad-0002.mid: sad' 'dispersed Gaussian mixture' 'validate_every = 4'
[ "$(sed -n 's/.*<h2>\([^<]*\)<.*/\1/p' r.html | tr '\n' ,)" = \
    'Run,Learning curves,Evaluation,Pieces in the plane,Generated pieces,' ] || fail 'other sections'
for heading in Clusters Leakage 'One coordinate' Swaps Faders 'Generated music' Transfer Likelihood \
    'Training loss' Validation 'KL divergence' 'Emotion at validations' 'Learning rate'; do
    grep -q "<h3>$heading" r.html || fail "no part '$heading'"
done
pieces=$(python3 -c 'import json; print(len(json.load(open("run/evaluation.json"))["labelled"]))')
has "$pieces" ': [a-z]*, told [a-z]*</title>' r.html
has 4 'scale(2.4)' r.html
[ "$(stat -c %s r.html)" -lt 1000000 ] || fail 'a page over 1 MB'
cp r.html again.html
run 0 report run --out r.html
[ "$(cat stdout)" = r.html ] || fail 'stdout is not the path'
[ ! -s stderr ] || fail 'a whole report has messages'
cmp -s r.html again.html || fail 'the same run, another page'

# What cannot be written leaves the old page, and nothing beside it.
refuses 1 'away/r.html: cannot create: No such file or directory' report run --out away/r.html
(
    trap '' XFSZ
    ulimit -f 4
    refuses 1 'r.html: cannot write: File too large' report run --out r.html
    exit "$failures"
) || failures=$((failures + 1))
cmp -s r.html again.html || fail 'a failed write changed the page'
[ -z "$(find . -name '*.tmp')" ] || fail 'a temporary is left'

# Several runs: one legend, the same plots, a column each; the music of another folder.
change 'pass'
run 0 report run changed --out two.html --music music --json
json '[r["run"] for r in d["runs"]] == ["run", "changed"] and d["pieces"] == 2 + 2 + 12'
page two.html changed 'Runs' '12 of 16 pieces'
for series in s0 s1; do # a line a plot
    has 5 "class=\"line $series dash0\" d=\"M[0-9. ]*L" two.html
done

# Parts that are missing, malformed or old are left out, and named in one line.
mkdir part-only
printf '%s\n' '{"step":1,"loss":5,"stage":1}' '{"step":2,"loss":' 'nonsense' '[2]' '{"loss":3}' \
    '{"step":3,"loss":"<b>","kl":null}' '{"step":4,"loss":4,"kl":1e999}' \
    '{"step":5,"loss":1e300,"kl":2}' '{"step":6,"loss":3}' >part-only/metrics.jsonl
head -c 200000 /dev/zero | tr '\0' x >>part-only/metrics.jsonl
run 0 report part-only --out part.html --json
json 'd["runs"][0]["metrics_lines"] == 10 and d["runs"][0]["metrics_lines_passed_over"] == 6'
json 'd["runs"][0]["last_step"] == 6 and d["runs"][0]["checkpoint_step"] is None'
json '{m["what"] for m in d["left_out"]} >= {"config.ini", "evaluation.json", "checkpoints", "samples",
    "6 of 10 lines of metrics.jsonl", "Validation"}'
page part.html 'Left out' '6 of 10 lines of metrics.jsonl'
has 1 'id="left-out"' part.html
has 0 '<h2>Evaluation' part.html
run 0 report part-only --out part.html
[ "$(wc -l <stderr)" -eq 1 ] || fail 'not one line of what is left out'
mkdir bare bare/checkpoints
run 0 report bare --out bare.html
page bare.html 'not complete' 'none is there'
change '[d.pop(k) for k in ("emotion", "clusters", "discriminant", "judge", "generation", "transfer")]
d["labelled"] = []
d["left_out"] = {"reason": "c.h5: no label in use in the train split", "figures": ["emotion"]}'
run 0 report changed --out unlabelled.html --json
json '{m["what"] for m in d["left_out"]} == {"emotion", "clusters", "generation", "transfer", "plane"}'
json '{m["why"] for m in d["left_out"]} == {"c.h5: no label in use in the train split"}'
page unlabelled.html 'What is shared with the training music' 'Faders'
change '[q.pop("place") for q in d["labelled"]]; d["discriminant"].pop("centres"); d.pop("swap")'
run 0 report changed --out old.html --json
json '[m["what"] for m in d["left_out"]] == ["swap", "plane"]'
page old.html 'no places of pieces'
has 0 '<h2>Pieces in the plane' old.html
for text in '' '[1, 2]' '{"emotion": ' '{"step": 1e999}' '{"emotion": 3, "labelled": {"place": 1}, "step": "x"}'; do
    printf '%s' "$text" >changed/evaluation.json
    run 0 report changed --out bad.html
    page bad.html 'Learning curves' 'Generated pieces'
done

# Hostile names and values are text, wherever they come from.
evil=$'<script>alert("1")<b> \'&amp; \xff'
change 'x = "</text><script>alert(1)</script>\"><img src=x onerror=1>&"
d["labelled"][0]["name"] = d["corpus"] = d["split"] = x
d["emotion"]["by_source"] = {x: d["emotion"]["probe"] and {"probe": d["emotion"]["probe"]}}
d["judge"]["kind"] = x'
mv changed "$evil"
printf '[mo<del>]\nwidth = "</pre><script>1</script>\n' >"$evil/config.ini"
printf 'MThd\0\0\0\6<svg' >"$evil/samples/<i>\"'.mid"
run 0 report "$evil" --out evil.html --json
json '"<script>alert(\"1\")<b> \u0027&amp; \ufffd" == d["runs"][0]["run"]'
json '{"config.ini"} < {m["what"] for m in d["left_out"]}'
page evil.html '<script>alert("1")<b> '"'&amp; " 'width = "</pre><script>1</script>' \
    '</text><script>alert(1)</script>"><img src=x onerror=1>&' "<i>\"'.mid" 'no MIDI file that can be read'
has 0 '<script' evil.html
has 0 '<img' evil.html

# Whatever an evaluation holds in place of what is expected, the page stays sound.
for seed in $(seq 12); do
    change "import random
random.seed($seed)
odd = [None, True, -1, 7, 2.5, 1e308, -1e308, 'text<', [], [[1]], {}, {'value': 'x'},
       {'value': 1e300, 'low': -1e300, 'high': None}]
def spoil(x):
    for k in (list(x) if isinstance(x, dict) else range(len(x))):
        if random.random() < .15: x[k] = random.choice(odd)
        elif isinstance(x[k], (dict, list)): spoil(x[k])
spoil(d)"
    run 0 report changed --out odd.html
    page odd.html 'Evaluation'
done
finish
