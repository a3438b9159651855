#!/bin/bash
# affekt bench from outside: every kind on tiny sizes, alone and on two ranks.  Figures must be
# there, positive and finite, and ratios those of value and limit; how large they are is not asked.
# usage: cli_bench.sh AFFEKT MPIEXEC MAKE_CHECKPOINT
set -u
affekt=$1
mpiexec=$2
make_checkpoint=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
cd "$folder" || exit 1

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

# bench N CHECK ARGUMENT...: runs on N ranks; the document holds sound rows, and CHECK, a Python
# expression of it (d) and of its rows by name (r), holds.
bench() {
    local n=$1 check=$2
    shift 2
    ranks "$n" "$affekt" bench "$@" --json >stdout 2>stderr </dev/null ||
        fail "$n ranks, bench $*: exit code $?"
    python3 - "$n" "$1" "$check" 2>why <<'PYTHON' || fail "$n ranks, bench $*: $(tail -1 why)"
import json, math, sys
n, kind, check = sys.argv[1:]
d = json.load(open('stdout'))
r = {row['name']: row for row in d['rows']}
assert d['bench'] == kind and d['ranks'] == int(n), d
assert r and len(r) == len(d['rows']), 'no rows, or two of one name'
for row in d['rows']:
    assert set(row) == {'name', 'value', 'unit', 'limit', 'limit_name', 'ratio'}, row
    for key in ('value', 'limit', 'ratio'):
        assert math.isfinite(row[key]) and row[key] > 0, row
    rate, cost = row['value'] / row['limit'], row['limit'] / row['value']
    want = cost if row['unit'] in ('s', 'MiB') else rate
    assert math.isclose(row['ratio'], want, rel_tol=1e-6), row
    assert row['unit'] and row['limit_name'], row
assert eval('(' + check + ')'), check
PYTHON
}

# refuses CODE WORDS ARGUMENT...: an empty stdout and exactly one line.
refuses() {
    local want=$1 words=$2 code
    shift 2
    timeout 60 "$affekt" bench "$@" >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "bench $*: exit code $code, want $want"
    [ ! -s stdout ] || fail "bench $*: stdout is not empty"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "bench $*: not one line"
    grep -q -- "^error: .*$words" stderr || fail "bench $*: want '$words'"
}

"$affekt" compose --count 3 --bars 16 --out pieces >/dev/null 2>&1 || fail 'compose'
"$affekt" pack pieces --labels pieces/labels.csv --bars 2 --split 100/0/0 --out c.h5 >/dev/null 2>&1 ||
    fail 'pack'
tiny=(--preset tiny --set model.width=16 --set model.encoder_layers=1 --set model.decoder_layers=1)
made=(--events 32 --rows 4 --micro 64 --steps 2)

# Every pass of the layers, and all together; the weights' shapes are the model's.
bench 1 'd["batch_events"] == 64 and len(r) > 100 and "all, weighted by operations" in r and
    "decoder/feedforward/up weight gradient 16x64x66" in r' gemm "${tiny[@]}" --events 32 --micro 64 --rounds 2
bench 2 'd["rounds"] == 1' gemm "${tiny[@]}" --events 16 --micro 64 --rounds 1

# A step: full rows of the asked length, or a corpus; the same operations on any number of ranks.
step='d["events_a_step"] == 128 and d["events_per_second"] > 0 and d["step_seconds"] > 0 and
    r["events"]["unit"] == "events/s" and "memory a rank" in r and
    d["phase_seconds"]["decode"] > 0'
copies='r["events beside copies"]["limit_name"] == "as many ranks that share nothing" and
    r["events beside the slowest copy"]["limit"] <= r["events beside copies"]["limit"] * 1.000001'
bench 1 "$step and not any('copies' in name for name in r)" step "${tiny[@]}" "${made[@]}"
operations=$(python3 -c 'import json; print(json.load(open("stdout"))["operations_an_event"])')
bench 2 "$step and $copies and abs(d['operations_an_event'] / $operations - 1) < 1e-9" step "${tiny[@]}" "${made[@]}"
# 4 rows on 3 ranks; copies that are sharded among one; nothing of the copies' memory in the row
bench 3 "$step and $copies" step "${tiny[@]}" "${made[@]}" --set train.deterministic=true
bench 2 "$step and $copies and 0.8 < r['memory a rank']['ratio'] < 1.25" step --preset small \
    --events 32 --rows 4 --steps 1 --set train.sharded=true
bench 2 "$copies and d['corpus'] == 'c.h5'" step "${tiny[@]}" --corpus c.h5 --rows 4 --steps 1
bench 1 'd["corpus"] == "c.h5" and d["events_a_step"] > 0' step "${tiny[@]}" --corpus c.h5 --rows 4 --steps 1

# The reduction: one rank has nothing to send, several have a ring.
bench 1 'list(r) == ["deterministic, adding a micro-batch"]' reduce --floats 1000 --rounds 2
bench 2 '{"blocking", "deterministic"} < set(r) and d["ping_pong_bytes_per_second"] > 0' \
    reduce --floats 5000 --rounds 2
bench 3 'd["floats"] == 1' reduce --floats 1 --rounds 1

# Checkpoints; nothing stays in the folder.
bench 1 'set(r) == {"save", "load", "open"} and d["checkpoint_bytes"] > 1000' \
    io --out here "${tiny[@]}" --rows 4 --events 32 --rounds 2
bench 2 'set(r) == {"save", "load", "open"}' io --out here "${tiny[@]}" --rows 4 --corpus c.h5 --rounds 1
[ -d here ] && [ -z "$(ls -A here)" ] || fail 'bench io left files behind'

# Packing: composed pieces, or given ones.
bench 1 'd["files"] == 400 and d["music"] == "composed"' pack --rounds 1 --out here
bench 2 'd["files"] == 12 and d["music"] == "given"' pack pieces --rounds 1 --out here
[ -z "$(ls -A here)" ] || fail 'bench pack left files behind'

# Generation, random weights and a checkpoint's.
"$make_checkpoint" c.h5 trained.h5 12 train.steps=12 train.stage1=0.5 train.batch=4 \
    train.warmup=1 >/dev/null 2>&1 || fail 'make_checkpoint'
bench 1 'd["weights"] == "trained.h5" and d["notes_a_bar"] > 0' generate --checkpoint trained.h5 --rounds 1
bench 1 'd["weights"] == "random" and set(r) == {"64 pieces", "a single piece"}' generate --preset tiny --rounds 1
grep -q 'random weights' stderr || fail 'bench generate: says not that the weights are random'

# The same as text.
"$affekt" bench reduce --floats 1000 --rounds 1 >stdout 2>stderr || fail 'bench reduce as text'
grep -q '^bench reduce$' stdout || fail 'bench reduce: no facts'
grep -qE '^deterministic, adding a micro-batch +[0-9.e-]+ +[0-9.e-]+ +s +[0-9.]+ +of ' stdout ||
    fail 'bench reduce: no row'

refuses 2 'what to bench is missing'
refuses 2 "bench gmem: want gemm, step, reduce, io, pack or generate; did you mean 'gemm'" gmem
refuses 2 "unexpected argument 'again'" gemm again
refuses 2 'bench gemm takes no --floats' gemm --floats 3
refuses 2 'bench reduce takes no --preset' reduce --preset tiny
refuses 2 '--floats = 0: want a whole number from 1' reduce --floats 0
refuses 2 '--events = 500: want a whole number from 16 to 384' step --events 500
refuses 2 '--events is for made rows' step --events 32 --corpus c.h5
refuses 2 'train.batch' step --rows 0
refuses 2 "train.bach: no such option; did you mean 'train.batch'" step --set train.bach=3
refuses 2 "preset" gemm --preset huge
refuses 2 '--out DIR is missing' io
refuses 2 '--checkpoint has its own shape' generate --checkpoint x.h5 --preset tiny
refuses 1 'missing.h5' step --corpus missing.h5
refuses 1 'missing.h5' generate --checkpoint missing.h5
refuses 1 '/dev/null' io --out /dev/null

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
