#!/bin/bash
# jobs/experiment from outside, on composed pieces: interrupted, with a run that fails, to the end;
# what is finished is used again, and every variant differs from every other.
# usage: experiment.sh EXPERIMENT AFFEKT
set -u
experiment=$1
affekt=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0
variants=(gmm normal dispersion information both gmm@10 both@10)

# The program, but for one draft of what evaluate writes: eight take most of the time here and are
# tested with evaluate itself.
cat >once <<END
#!/bin/bash
[[ "\$1 \$*" != 'evaluate '*' --checkpoint '* ]] || set -- "\$@" --drafts 1
exec "$affekt" "\$@"
END
chmod +x once
affekt=$folder/once

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stderr: /' stderr | tail -5
}

# run CODE PROGRAM ARGUMENT...: runs the experiment and expects the exit code.
run() {
    local want=$1 program=$2 code
    shift 2
    "$experiment" --program "$program" --out out --minutes 2 --seeds 1 --jobs 2 "$@" \
        >stdout 2>stderr </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "experiment $*: exit code $code, want $want"
    [ ! -s stdout ] || fail "experiment $*: something on stdout"
}

# refuses CODE PATTERN ARGUMENT...: one line on stderr that matches.
refuses() {
    local want=$1 pattern=$2
    shift 2
    run "$want" "$affekt" "$@"
    [ "$(grep -c '^error: ' stderr)" -eq 1 ] || fail "experiment $*: not one error line"
    grep -q "^error: $pattern" stderr || fail "experiment $*: want '$pattern'"
}

first=(--data music --folds 3 --preset tiny --steps 20 --set train.batch=4
    --set data.row_segments=1 --set checkpoint.every=5 --set train.stage1=0.4
    --set data.labelled_share=0.25)

# Labelled pieces in an archive, others in a folder, and what is to be left out.
mkdir -p music/badmidi music/empty all
"$affekt" compose --count 8 --seed 1 --out made >/dev/null 2>&1
"$affekt" compose --count 6 --seed 2 --out music/rest >/dev/null 2>&1
rm music/rest/labels.csv
cp music/rest/happy-00001.mid music/badmidi/
tar -czf music/made.tar.gz made
cp -r made all/

refuses 2 "unknown option '--fast'" --fast
refuses 2 '--folds = 2: want at least 3' --folds 2
refuses 2 '--steps = 0: want a whole number' --steps 0
refuses 2 '--variants: mixed: want gmm normal' --variants both,mixed
refuses 2 'no music: --data DIR'
refuses 1 '.*all: no music without labels' --data all
refuses 1 '.*rest: no folder or archive' --data music/rest
rm -rf out

# Interrupted in the middle of the runs: it stops and says what lacks.
"$experiment" --program "$affekt" --out out --minutes 2 --seeds 1 --jobs 2 "${first[@]}" \
    >stdout 2>stderr </dev/null &
pid=$!
for _ in $(seq 600); do
    ! grep -q 'train seed-1/fold-0/dispersion' stderr || break
    sleep 0.1
done
kill -TERM "$pid"
wait "$pid"
code=$?
[ "$code" -eq 3 ] || fail "interrupted: exit code $code, want 3"
grep -q 'stopped; .* runs are not done: .*seed-1/fold-2/both@10' stderr || fail 'says not what lacks'
flock -n out/.lock true || fail 'a run outlived the experiment'
[ ! -e out/table.md ] || fail 'a table of nothing'
[ -e out/seed-1/fold-0/gmm/complete ] || fail 'nothing was done before the interruption'
grep -q 'packing made rest$' stderr || fail 'packed something else'
digest=$("$affekt" inspect --digest out/seed-1/fold-0/gmm)

refuses 2 "preset = 'small': .*plan has 'tiny'" --preset small
refuses 2 "steps = '30': .*plan has '20'" --steps 30
refuses 2 '--set: .*plan has others' --set train.batch=8

# One variant fails, but for runs that were through before the interruption: it is named, the others
# go on.
left=$((3 - $(find out/seed-1 -path '*/information/complete' | wc -l)))
[ "$left" -gt 0 ] || fail 'interrupted too late'
cat >broken <<END
#!/bin/bash
[[ "\$*" != *objective.delta=0* ]] || { echo 'error: planted' >&2; exit 1; }
exec "$affekt" "\$@"
END
chmod +x broken
run 1 ./broken
[ "$(grep -c '^error: train seed-1/fold-./information: planted' stderr)" -eq "$left" ] ||
    fail 'the runs that failed are not named'
[ "$(find out/seed-1 -name evaluation.json | wc -l)" -eq $((21 - left)) ] || fail 'the others did not go on'

# To the end, from there.
run 0 "$affekt"
[ "$(grep -c ' train ' stderr)" -eq "$left" ] || fail 'not just the failed runs were trained'
[ "$digest" = "$("$affekt" inspect --digest out/seed-1/fold-0/gmm)" ] || fail 'trained again'

# The first stage is shared, the second one is each variant's own.
for variant in "${variants[@]}"; do
    run=out/seed-1/fold-0/$variant
    begun=$(head -n 1 "$run/metrics.jsonl" | sed 's/{"step":\([0-9]*\),.*/\1/')
    want=9
    [ "$variant" != gmm ] || want=1
    [ "$begun" = "$want" ] || fail "$variant began at step $begun, want $want"
    [ "$(cat "$run/complete")" = '{"step":20}' ] || fail "$variant is not complete"
    [ "$(find "$run/checkpoints" -name 'step-*' | wc -l)" -eq 1 ] || fail "$variant keeps too much"
    "$affekt" inspect --digest "$run"
done >weights
! grep '^FAILED' weights || failures=$((failures + 1))
[ "$(sort -u weights | grep -vc FAILED)" -eq 7 ] || fail 'two variants are the same'

python3 - <<'END' || fail 'the results are not what they should be'
import json
document = json.load(open('out/results.json'))
results = document['results']
assert document['steps'] == 20 and document['folds'] == 3, document['steps']
assert document['command'].startswith('jobs/experiment ')
assert all(pool == {'runs': 3, 'seeds': 1} for pool in results['pools'].values())
assert len(results['pools']) == 7
assert results['pieces'] == {'all': 32, 'made': 32}, results['pieces']
told = results['emotion']['made']
for pool in results['pools']:
    for teller, scores in told[pool].items():
        for x in scores.values():
            assert 0 <= x['low'] <= x['value'] <= x['high'] <= 1, (pool, teller, x)
    assert ('mixture' in told[pool]) == (pool != 'normal'), pool
assert 'quadrant' in results['less_gmm']['all']['both']['mixture']
assert 'quadrant' in results['less_baselines']['all']['both']['mixture_less_rhythm']
assert 'quadrant' in results['fewer_labels_less']['all']['both']['mixture_less_gmm']
assert 'clusters.fisher_ratio' in results['figures_over_gmm']['both']
heard = 'generation.heard_as_asked.quadrant'
full = {pool for pool, figures in results['figures'].items() if heard in figures}
assert full == {'gmm', 'both'}, full
END
grep -q '^| both | mixture | 0\.' out/table.md || fail 'no row of a variant in the table'

# Again: nothing is done anew.
cp out/results.json before.json
run 0 "$affekt"
! grep -q ' train \| evaluate ' stderr || fail 'finished work was done again'
cmp -s <(sed 1d before.json) <(sed 1d out/results.json) || fail 'other results'

# Some of the variants by themselves, and always what they are compared with.
run 0 "$affekt" --variants both@10,both
python3 - <<'END' || fail 'not the variants that were asked for'
import json
pools = json.load(open('out/results.json'))['results']['pools']
assert list(pools) == ['gmm', 'both', 'both@10'], pools
END

exit $((failures != 0))
