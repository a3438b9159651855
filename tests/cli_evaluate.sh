#!/bin/bash
# evaluate from outside: tables, JSON, what a run folder keeps, and what is refused, on a model
# trained for a few steps.
# usage: cli_evaluate.sh AFFEKT MAKE_CHECKPOINT
here=$(realpath "$(dirname "$0")")
affekt=$1
# shellcheck disable=SC2034 # for expectations.sh
make_checkpoint=$2
. "$here/expectations.sh"

# shows TEXT: whether the last stdout has a line of these words, whatever their spacing.
shows() {
    tr -s ' ' <stdout | grep -q "^ *$1" || fail "no line '$1'"
}

run 0 compose --count 3 --seed 3 --out bright
run 0 compose --count 3 --seed 4 --out dark
for source in bright dark; do sed "1d; s|^|$source/|" $source/labels.csv; done >rows
{ head -1 bright/labels.csv && cat rows; } >labels.csv
run 0 pack bright dark --labels labels.csv --split 50/25/25 --out corpus.h5
mkdir -p run/checkpoints
"$make_checkpoint" corpus.h5 run/checkpoints/latest 12 train.steps=12 train.batch=4 \
    train.stage1=0.5 train.warmup=1 2>stderr || fail make_checkpoint
evaluate="evaluate --checkpoint run --corpus corpus.h5"

run 0 evaluate --help
for word in --transfers --count --sweeps disentanglement transfer forest; do
    grep -q -e "$word" stdout || fail "--help does not tell of $word"
done
# shellcheck disable=SC2086
{
    refuses_after_notes 2 '--checkpoint F|RUN is missing' evaluate --corpus corpus.h5
    refuses_after_notes 2 '--corpus C.h5 is missing' evaluate --checkpoint run
    refuses_after_notes 2 '--transfers = -1: want a whole number from 0 to 10000' $evaluate --transfers=-1
    refuses_after_notes 2 '--split = some: want test, validation or train' $evaluate --split some
    refuses_after_notes 1 'labels.csv: not a readable HDF5 file: file signature not found' \
        evaluate --checkpoint run --corpus labels.csv

    run 0 $evaluate --split train --count 8 --sweeps 1 --transfers 2
    for line in emotion 'quadrant arousal valence macro_f1' 'mixture [01]\.' 'latent_forest [01]\.' \
        'forest [01]\.' 'probe_less_forest ' emotion.by_source.bright emotion.by_source.dark \
        disentanglement 'mig 0\.' 'sap ' 'modularity ' 'mig sap best_coordinate' judge 'kind ' \
        'on_real ' generation 'heard_as_asked ' copying \
        'pieces longest_run_notes mean_longest_run_notes bars_copied bars_found' transfer \
        'reached [01]\.' 'chroma_cosine 0\.' 'in_place ' 'consistency restrictiveness linearity'; do
        shows "$line"
    done
    grep -q 'confusion\|labelled  *\[' stdout && fail 'the table shows what is for machines'
    cp run/evaluation.json kept
    run 0 inspect --verify run/latents.h5
    shows 'run/latents.h5: latents, format 1, '
    shows 'train/tonal .* double'
    run 0 inspect --digest run/latents.h5
    refuses 1 'run/latents.h5: model: missing' classify --checkpoint run/latents.h5 bright
    rm run/latents.h5 run/evaluation.json
    mkdir -p run/latents.h5/taken
    run 1 $evaluate --split train --count 0 --sweeps 0 --transfers 0
    grep -q '^error: run/latents.h5' stderr || fail 'latents that cannot be kept are not named'
    [ -s run/evaluation.json ] || fail 'the results went with the latents'
    rm -r run/latents.h5
    run 0 $evaluate --split train --count 0 --sweeps 0 --transfers 0 --json
    cmp -s run/evaluation.json kept && fail 'the results were not replaced'
    json '"transfer" not in d and "generation" not in d and "faders" not in d'
    json '{p["source"] for p in d["labelled"]} == {"bright", "dark"}'
    json 'all(p["name"].startswith(p["source"] + "/") for p in d["labelled"])'
    json 'set(d["labelled"][0]["told"]) == {"mixture", "probe", "latent_forest", "rhythm",
        "rhythm_mode_register", "forest"}'
    json 'd == json.load(open("run/evaluation.json"))'
    mv kept stdout
    json 'd["transfer"]["pieces"] == 2 and d["generation"]["pieces"] == 8'
    json 'd["judge"]["kind"] in ("logistic", "forest")'
}

finish
