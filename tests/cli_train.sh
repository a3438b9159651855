#!/bin/bash
# affekt train from outside, on 1 to 4 ranks: refusals, equal metrics, signals and time limits that
# resume to the same bits, damaged checkpoints, folders in use.
# usage: cli_train.sh AFFEKT MPIEXEC
set -u
affekt=$1
mpiexec=$2
here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
cd "$folder" || exit 1
small=(--preset tiny --set model.width=16 --set model.encoder_layers=1 --set model.decoder_layers=1
    --set model.latent_mixture=4 --set model.latent_residual=4 --set train.batch=6
    --set train.micro_events=300 --set train.warmup=4 --set train.validate_rows=8
    --set fit.iterations=3 --set data.row_segments=2)

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stdout: /' stdout | head -5
    sed 's/^/  stderr: /' stderr | head -8
}

# ranks N COMMAND...: under a timeout; one rank without a launcher.
ranks() {
    local n=$1
    shift
    if [ "$n" -eq 1 ]; then
        timeout 60 "$@"
    else
        timeout 60 "$mpiexec" --oversubscribe --bind-to none -n "$n" "$@"
    fi
}

# run CODE N ARGUMENT...: trains on N ranks and expects the exit code.
run() {
    local want=$1 n=$2 code
    shift 2
    ranks "$n" "$affekt" train "$@" >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "$n ranks, train $*: exit code $code, want $want"
}

# refuses CODE WORDS N ARGUMENT...: an empty stdout and exactly one line of ours.
refuses() {
    local want=$1 words=$2 n=$3
    shift 3
    run "$want" "$n" "$@"
    [ ! -s stdout ] || fail "$n ranks, train $*: stdout is not empty"
    [ "$(grep -c '^error: ' stderr)" -eq 1 ] || fail "$n ranks, train $*: not one error line"
    grep -q -- "^error: .*$words" stderr || fail "$n ranks, train $*: want '$words'"
    [ "$n" -gt 1 ] || [ "$(wc -l <stderr)" -eq 1 ] || fail "train $*: more than one line"
}

# same FILE FILE
same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

checkpoint() {
    printf '%s/checkpoints/step-%08d.h5' "$1" "$2"
}

"$affekt" compose --count 8 --bars 16 --out pieces >/dev/null 2>&1 || fail 'compose'
"$affekt" pack pieces --labels pieces/labels.csv --bars 2 --split 70/30/0 --out c.h5 >/dev/null 2>&1 ||
    fail 'pack'
"$affekt" pack pieces --bars 2 --split 0/50/50 --out none.h5 >/dev/null 2>&1 || fail 'pack'
head -c 20000 c.h5 >torn.h5
echo 'not a corpus' >text.h5
printf '[train]\nsteps = 5\nstesp = 6\n' >bad.ini

# What is wrong is said once, on any number of ranks.
for n in 1 3; do
    refuses 2 '--corpus C.h5 is missing' "$n" --out run
    refuses 2 '--out RUN is missing' "$n" --corpus c.h5
    refuses 1 'missing.h5' "$n" --corpus missing.h5 --out run
    refuses 2 "train.stesp: no such option; did you mean 'train.steps'" "$n" --corpus c.h5 \
        --out run --set train.stesp=3
    refuses 1 'no piece in its training split' "$n" --corpus none.h5 --out run
    refuses 1 '/dev/null/run' "$n" --corpus c.h5 --out /dev/null/run "${small[@]}"
done
refuses 1 'torn.h5' 2 --corpus torn.h5 --out run
refuses 1 'text.h5' 4 --corpus text.h5 --out run
refuses 1 'pieces' 1 --corpus pieces --out run
refuses 2 'train.batch = 0' 1 --corpus c.h5 --out run --set train.batch=0
refuses 2 'train.steps = x' 1 --corpus c.h5 --out run --steps x
refuses 2 'train.learning_rate = 7' 2 --corpus c.h5 --out run --set train.learning_rate=7
refuses 2 'not a multiple of model.heads' 1 --corpus c.h5 --out run --set model.width=66 \
    --set model.heads=4
refuses 2 'train.compress = bf16: not with' 1 --corpus c.h5 --out run --deterministic \
    --set train.compress=bf16
refuses 2 'huge' 1 --corpus c.h5 --out run --preset huge
refuses 2 'bad.ini:3' 1 --corpus c.h5 --out run --config bad.ini
refuses 1 'nothing.ini' 1 --corpus c.h5 --out run --config nothing.ini
refuses 2 'no duration' 1 --corpus c.h5 --out run --max-time soon
refuses 2 "unknown option '--corpsu'; did you mean '--corpus'" 1 --corpsu c.h5
refuses 1 'text.h5' 2 --corpus c.h5 --out run "${small[@]}" --resume text.h5
rm -rf run
run 0 2 --corpus c.h5 "${small[@]}" --dry-run
grep -q '^parameters [0-9]' stdout || fail 'the dry run names no parameters'
[ ! -e run ] || fail 'a dry run made a folder'
grep -q '^activations [0-9.]* MiB, at most [0-9.]* MiB$' stdout || fail 'no activations beside their most'
grep -q '^expected in all [0-9.]* MiB a rank$' stdout || fail 'the dry run expects no total'
run 0 2 --corpus c.h5 "${small[@]}" --dry-run --json
python3 - stdout <<'END' || fail 'the expected parts do not fit the reserved ones or the total'
import json, sys
r = json.load(open(sys.argv[1]))
most, expected = r["memory_bytes"], r["expected_bytes"]
assert all(0 <= expected[k] <= most[k] for k in most), (expected, most)
parts = sum(v for k, v in expected.items() if k != "total")
assert parts <= expected["total"] <= parts + 4 * (2 << 20), (parts, expected)
END
moments() { sed -n 's/^parameters and moments \([0-9.]*\) MiB$/\1/p' stdout; }
run 0 4 --corpus c.h5 --preset small --dry-run
whole=$(moments)
run 0 4 --corpus c.h5 --preset small --dry-run --set train.sharded=true
awk -v whole="$whole" -v shards="$(moments)" 'BEGIN { exit !(shards > 0 && shards < 0.63 * whole) }' ||
    fail "sharded over 4 ranks: not 5/8 of $whole MiB"

# Steps whose loss stands out, here by little, are told with what they read, and left out.
run 0 1 --corpus c.h5 "${small[@]}" --steps 120 --out spikes --set train.validate_every=0 \
    --set train.stage1=0 --set train.learning_rate=0.0001 --set train.spike=2 --set train.skip_spikes=true
said='step [0-9]*: [0-9.]* nats an event are [0-9.]* deviations above the steps before, step skipped; its segments: '
grep -q "^warning: $said.*[a-z]*-[0-9]*.mid [0-9]*-[0-9]*, " stderr || fail 'spikes are not told'
python3 - <<'END' || fail 'the metrics do not tell spikes'
import json
steps = [json.loads(l) for l in open("spikes/metrics.jsonl")]
assert all(x["spike"] == 0 for x in steps[:50]) and any(x["spike"] > 0 for x in steps[50:])
assert all((x["spike"] > 0) == x["skipped"] for x in steps), [x["skipped"] for x in steps]
END

# Every loss on 3 ranks is that of 1 rank; the same bits when deterministic.
options=(--corpus c.h5 "${small[@]}" --steps 20 --set train.validate_every=10
    --set checkpoint.every=5)
run 0 1 "${options[@]}" --out one
run 0 3 "${options[@]}" --out three
grep -q '^20.*Z .* parameters; 3 ranks' three/log || fail 'the log does not keep what was said'
[ "$(grep -c 'validation ' three/log)" -eq 2 ] || fail 'the log does not keep both validations'
python3 - <<'END' || fail 'metrics of 1 and 3 ranks differ'
import json, math
rates = {"steps_per_second", "events_per_second"}
a, b = ([json.loads(l) for l in open(f + "/metrics.jsonl")] for f in ("one", "three"))
assert len(a) == len(b) == 22, (len(a), len(b))
assert {x["stage"] for x in a if "stage" in x} == {1, 3}
assert any("validation_emotion" in x and x["validation_emotion"] is not None for x in a)
heard = [x for x in a if "active_units" in x]
assert len(heard) == 2 and all(0 <= x["active_units"] <= 4 * 1024 for x in heard), heard
for x, y in zip(a, b):
    assert x.keys() == y.keys()
    for key in x.keys() - rates:
        if x[key] is None or y[key] is None:
            assert x[key] == y[key], (x["step"], key)
        else:
            assert math.isclose(x[key], y[key], rel_tol=1e-5, abs_tol=1e-7), (x["step"], key, x[key], y[key])
END
run 0 1 "${options[@]}" --deterministic --out exact1
run 0 4 "${options[@]}" --deterministic --out exact4
same "$(checkpoint exact1 20)" "$(checkpoint exact4 20)"
[ "$(readlink one/checkpoints/latest)" = step-00000020.h5 ] || fail 'latest is not the last one'
[ "$(ls one/checkpoints/*.h5 | wc -l)" -eq 3 ] || fail 'not 3 checkpoints kept'

# Early stopping: with a model that stands still only the first validation of its emotions is the best
# one; an interrupted run ends where the other does, and what is over stays over.
still=(--corpus c.h5 "${small[@]}" --set train.validate_every=2 --set train.learning_rate=0
    --set train.stage1=2 --set train.patience=3)
refuses 2 'train.stage1 = 2: is out of range' 1 "${still[@]}" --steps 40 --out patient
still[-3]=train.stage1=0
run 0 2 "${still[@]}" --steps 40 --out patient
grep -q 'step 8: no better validation since step 2: training ends' stderr || fail 'patience has no end'
[ "$(readlink patient/checkpoints/best)" = step-00000002.h5 ] || fail 'best is not the best'
[ "$(readlink patient/checkpoints/latest)" = step-00000008.h5 ] || fail 'a run went on without patience'
[ -e patient/complete ] || fail 'a run out of patience is not complete'
run 0 1 "${still[@]}" --steps 4 --out torn
run 0 3 "${still[@]}" --steps 40 --out torn
for link in best latest; do
    [ "$(readlink torn/checkpoints/$link)" = "$(readlink patient/checkpoints/$link)" ] ||
        fail "a resumed run's $link is another"
done
run 0 1 "${still[@]}" --steps 40 --out torn
[ ! -e torn/checkpoints/step-00000009.h5 ] || fail 'what was over went on'
run 0 1 "${still[@]}" --set train.patience=0 --steps 10 --out torn
[ ! -L torn/checkpoints/best ] || fail 'a run without patience has an old best'
[ "$(readlink torn/checkpoints/latest)" = step-00000010.h5 ] || fail 'a run without patience ends early'

# A trace: a lane a rank, each with all 20 steps; a place that cannot be written is told at once.
run 0 3 "${options[@]}" --out traced --trace trace.json
python3 - <<'END' || fail 'the trace is not that of 20 steps on 3 ranks'
import json
trace = json.load(open("trace.json"))
assert {e["ph"] for e in trace} == {"X"} and {e["tid"] for e in trace} == {0, 1, 2}
for rank in range(3):
    mine = [e for e in trace if e["tid"] == rank]
    assert sorted(e["args"]["step"] for e in mine if e["name"] == "step") == list(range(1, 21))
    assert sum(e["name"] == "save" for e in mine) == 4
    assert sum(e["name"] == "validate" for e in mine) == 2
    assert any(e["name"] == "bucket" and e["pid"] == 1 for e in mine)
END
refuses 1 'missing/trace.json' 2 "${options[@]}" --out untraced --trace missing/trace.json
[ ! -e untraced ] || fail 'a refused trace made a folder'

# config.ini alone gives the run again; --json is a document.
run 0 1 --corpus c.h5 --config one/config.ini --out again --json
python3 -c 'import json; d = json.load(open("stdout")); assert d["step"] == 20 and not d["stopped"], d' ||
    fail 'stdout is not the expected JSON'
same "$(checkpoint one 20)" "$(checkpoint again 20)"
same one/config.ini again/config.ini

# A finished run does nothing more; a used folder, another model and a lone file are told apart.
run 0 1 "${options[@]}" --out one
same "$(checkpoint one 20)" "$(checkpoint again 20)"
refuses_after_notes() {
    run 1 "$1" "${@:3}"
    [ "$(grep -c '^error: ' stderr)" -eq 1 ] || fail "train ${*:3}: not one error line"
    grep -q -- "$2" stderr || fail "train ${*:3}: want '$2'"
    [ ! -s stdout ] || fail "train ${*:3}: stdout is not empty"
}
refuses_after_notes 2 'holds checkpoints already' "${options[@]}" --out one --resume never
refuses_after_notes 2 'model/' "${options[@]}" --out one --set model.width=32
same one/config.ini again/config.ini
run 0 2 "${options[@]}" --out other --resume "$(checkpoint one 15)"
[ "$(head -1 other/metrics.jsonl | python3 -c 'import json; print(json.loads(input())["step"])')" = 16 ] ||
    fail 'a run from a file does not start after its step'

# A damaged newest checkpoint: the one before it is taken, to the same end.  Temporaries go.
truncate -s -9 "$(checkpoint again 20)"
touch again/checkpoints/step-00000017.h5.tmp
run 0 1 "${options[@]}" --out again
grep -q 'resuming from .*step-00000015.h5, step 15' stderr || fail 'did not fall back'
same "$(checkpoint one 20)" "$(checkpoint again 20)"
[ ! -e again/checkpoints/step-00000017.h5.tmp ] || fail 'an orphaned temporary is left'
[ "$(wc -l <again/metrics.jsonl)" -eq 22 ] || fail 'metrics are not those of one run'

# TensorBoard's file says the same, to another reader, after two resumptions too.
reads_alike() {
    python3 "$here/read_tensorboard.py" "$1/events.out.tfevents.affekt" "$1/metrics.jsonl" >/dev/null ||
        fail "$1: events are not those of the metrics"
}
reads_alike one
reads_alike again

# lines FILE N SECONDS: waits until the file has N lines.
lines() {
    for _ in $(seq $(($3 * 10))); do
        [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ] && return
        sleep 0.1
    done
    fail "$1 has no $2 lines after $3 s"
}

# A signal to one rank saves on all and exits 3; the same command goes on to the same bits.
long=(--corpus c.h5 "${small[@]}" --steps 300 --set train.stage1=0.02 --set train.validate_every=0
    --set checkpoint.every=1000)
run 0 3 "${long[@]}" --out whole
"$mpiexec" --oversubscribe --bind-to none -n 3 "$affekt" train "${long[@]}" --out cut --json \
    >stdout 2>stderr </dev/null &
launcher=$!
lines cut/metrics.jsonl 10 40
kill -USR1 "$(pgrep -P "$launcher" | tail -1)"
wait "$launcher"
[ $? -eq 3 ] || fail 'a signalled run does not exit 3'
grep -q '^error' stderr && fail 'a signalled run prints an error'
grep -q '"stopped": true' stdout || fail 'a signalled run does not say so'
[ "$(ls cut/checkpoints/*.h5 | wc -l)" -eq 1 ] || fail 'a signalled run left not one checkpoint'
run 0 3 "${long[@]}" --out cut
same "$(checkpoint whole 300)" "$(checkpoint cut 300)"
reads_alike cut

# A time limit does the same; until then the folder is in use.
ranks 2 "$affekt" train --corpus c.h5 "${small[@]}" --steps 100000 --out timed --max-time 5s \
    >stdout 2>stderr </dev/null &
launcher=$!
lines timed/metrics.jsonl 2 40
refused=$(timeout 30 "$affekt" train --corpus c.h5 "${small[@]}" --out timed 2>&1 >/dev/null)
[ "$refused" = 'error: timed: another run is using this folder' ] || fail "a second run: $refused"
wait "$launcher"
[ $? -eq 3 ] || fail 'a timed run does not exit 3'
[ "$(ls timed/checkpoints/*.h5 | wc -l)" -ge 1 ] || fail 'no checkpoint at the time limit'
grep -q 'the same command resumes' stderr || fail 'a timed run does not say that it resumes'

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
