#!/bin/bash
# transfer, and generate's paths, points and faders, from outside, on a model trained for a few steps.
# usage: cli_transfer.sh AFFEKT MAKE_CHECKPOINT CHECK_MIDI
here=$(realpath "$(dirname "$0")")
affekt=$1
# shellcheck disable=SC2034 # for expectations.sh
make_checkpoint=$2
check_midi=$3
. "$here/expectations.sh"

run 0 compose --count 4 --seed 3 --out music
run 0 pack music --labels music/labels.csv --out corpus.h5
grep -v sad music/labels.csv >music/three.csv
run 0 pack music --labels music/three.csv --out three.h5
train=(12 train.steps=12 train.batch=4 train.stage1=0.5 train.warmup=1 train.learning_rate=0.005)
"$make_checkpoint" corpus.h5 model-corpus.h5 "${train[@]}" 2>stderr || fail make_checkpoint
"$make_checkpoint" three.h5 model-three.h5 "${train[@]}" fit.weak=0 2>stderr || fail make_checkpoint
"$make_checkpoint" three.h5 model-ruled.h5 "${train[@]}" 2>stderr || fail make_checkpoint
"$make_checkpoint" corpus.h5 early.h5 1 train.steps=10 train.batch=4 2>stderr || fail make_checkpoint
model="model-corpus.h5"
input=music/calm-00001.mid
transfer="transfer --checkpoint $model --input $input --drafts 2" # two: fast enough for the sanitizers

# Command lines that are refused before anything is read.
run 0 transfer --help
grep -q '^Usage: affekt transfer' stdout || fail 'affekt transfer --help'
# shellcheck disable=SC2086
{
    refuses 2 '--checkpoint F|RUN is missing' transfer --input $input --to sad --out o.mid
    refuses 2 '--input F.mid is missing' transfer --checkpoint $model --to sad --out o.mid
    refuses 2 '--out OUT.mid|DIR is missing' $transfer --to sad
    refuses 2 '--to EMOTION is missing, or another change to make' $transfer --out o.mid
    refuses 2 '--to = angry: want happy, tense, sad, calm or Q1 to Q4' $transfer --to angry -o o.mid
    refuses 2 '--to = 2: want a number from -1 to 1' $transfer --to 2,0 -o o.mid
    refuses 2 '--strength = 1.5: want a number from 0 to 1' $transfer --to sad --strength 1.5 -o o.mid
    refuses 2 '--strength = -1: want a number from 0 to 1' $transfer --to sad --strength=-1 -o o.mid
    refuses 2 '--strength = nan: want a number from 0 to 1' $transfer --to sad --strength nan -o o.mid
    refuses 2 '--count goes with --interpolate' $transfer --to sad --count 3 -o o
    refuses 2 '--count = 1: want a whole number from 2 to 999' \
        $transfer --interpolate $input --count 1 -o o
    refuses 2 '--out = o.mid: --interpolate wants a folder' $transfer --interpolate $input -o o.mid
    refuses 2 '--mode = 1.5: want a number from -1 to 1, or abs:VALUE' $transfer --mode 1.5 -o o.mid
    refuses 2 '--mode = abs:: want a number from -1 to 1, or abs:VALUE' $transfer --mode abs: -o o.mid
    generate="generate --checkpoint $model --out o"
    refuses 2 '--emotion and --valence, --arousal exclude each other' \
        $generate --emotion sad --valence 0 --arousal 0
    refuses 2 '--valence goes with --arousal' $generate --valence 0
    refuses 2 '--arousal = 3: want a number from -1 to 1' $generate --valence 0 --arousal 3
    refuses 2 '--emotion = happy:8,sad: want the bars of each step, as in happy:8,sad:8' \
        $generate --emotion happy:8,sad
    refuses 2 '--emotion = 0: want a whole number from 1 to 512' $generate --emotion happy:8,sad:0
    refuses 2 '--emotion = : want happy, tense, sad, calm or Q1 to Q4' $generate --emotion happy:8,
    refuses 2 '--bars = 4: the path says its own bars' $generate --emotion happy:8,sad:8 --bars 4
    refuses 2 '--emotion = happy:300,sad:300: 600 bars, more than 512' \
        $generate --emotion happy:300,sad:300

    # Inputs and checkpoints that are refused.
    : >empty.mid
    printf 'MThd\0\0\0\6\0\0\0\1\0\140MTrk\0\0\0\4\0\377\57\0' >silent.mid
    for bad in empty silent none; do
        run 1 transfer --checkpoint $model --input $bad.mid --to sad --out o.mid
        [ "$(grep -c "^error: $bad.mid: " stderr)" -eq 1 ] || fail "$bad.mid is not named"
        [ "$(wc -l <stderr)" -eq 1 ] || fail "$bad.mid: not one line on stderr"
        run 1 $transfer --rhythm-from $bad.mid --out o.mid
        [ "$(grep -c "^error: $bad.mid: " stderr)" -eq 1 ] || fail "$bad.mid is not named"
    done
    refuses 1 'early.h5: no fitted mixture yet (step 1, the fit comes at step 4)' \
        transfer --checkpoint early.h5 --input $input --to sad --out o.mid
    refuses 1 'model-three.h5: was trained without a piece labelled sad' \
        transfer --checkpoint model-three.h5 --input $input --to sad --out o.mid
    refuses 1 'model-three.h5: was trained without a piece labelled sad' \
        generate --checkpoint model-three.h5 --emotion happy:8,sad:8 --out o
    refuses 1 'model-three.h5: was trained without a piece labelled sad' \
        generate --checkpoint model-three.h5 --emotion sad --out o
    run 2 $transfer --mode abs:99 --out o.mid
    grep -q '^error: --mode = abs:99: the training set has -\?[0-9.]* to [0-9.]*$' stderr ||
        fail 'the range of the training set is not named'
    cp $input own.mid
    refuses 1 'own.mid: would be overwritten by its own change' \
        transfer --checkpoint $model --input own.mid --to sad --out ./own.mid
    [ ! -e o ] || fail 'a refused command made its folder'
    [ ! -e o.mid ] || fail 'a refused command wrote'
}
run 0 transfer --checkpoint model-three.h5 --input $input --to calm --out three.mid

# Sad pieces without a label are told by rule, unless the fit was not to ask it.
run 0 generate --checkpoint model-ruled.h5 --emotion sad --count 1 --drafts 1 --out ruled

# Strength 0 keeps the latents; the way to an emotion makes it likelier; equal seeds, equal bytes.
# shellcheck disable=SC2086
{
    run 0 $transfer --to sad --strength 0 --out zero.mid --json
    json 'd["pieces"][0]["before"] == d["pieces"][0]["after"]'
    json 'd["pieces"][0]["tempo_ratio"] == 1 and d["pieces"][0]["bars"] == 16'
    run 0 $transfer --to sad --out one.mid --json
    json 'd["pieces"][0]["after"]["sad"] > d["pieces"][0]["before"]["sad"]'
    run 0 $transfer --to -1,-1 --out folder
    [ "$(cat stdout)" = folder/transfer-0001.mid ] || fail 'the path is not as expected'
    cmp -s one.mid folder/transfer-0001.mid || fail 'an emotion is not its corner'
    run 0 $transfer --to sad --seed 2 --out two.mid
    cmp -s one.mid two.mid && fail 'another seed, the same piece'
    run 0 $transfer --rhythm-from music/tense-00001.mid --out rhythm.mid
    run 0 $transfer --tonal-from music/tense-00001.mid --out tonal.mid
    run 0 $transfer --mode 1 --register abs:60 --note-density -0.5 --out faders.mid
    run 0 $transfer --interpolate music/happy-00001.mid --count 3 --out between --json
    json '[p["path"] for p in d["pieces"]] == ["between/transfer-000%d.mid" % i for i in (1, 2, 3)]'
    json 'd["pieces"][0]["before"] == d["pieces"][0]["after"]'
    json 'd["pieces"][2]["after"]["happy"] > d["pieces"][0]["after"]["happy"]'
}

# Paths, points and faders of generate.
run 0 generate --checkpoint $model --emotion happy:5,sad:11 --count 2 --out path
printf 'path/happy-to-sad-000%d.mid\n' 1 2 | cmp -s - stdout || fail 'the paths are not as expected'
run 0 generate --checkpoint $model --valence 0.2 --arousal -0.7 --out path --json
json 'd["pieces"][0]["emotion"] is None'
json 'd["pieces"][0]["steps"] == [{"valence": 0.2, "arousal": -0.7, "bars": 16}]'
run 0 generate --checkpoint $model --emotion sad --mode 0.5 --note-density -1 --out path

# A second reader finds valid files of the input's length.
"$mido_python" "$check_midi" --tempi 16 zero.mid two.mid one.mid rhythm.mid tonal.mid faders.mid between/*.mid \
    path/*.mid >stdout || fail 'mido finds fault with the files'

finish
