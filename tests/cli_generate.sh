#!/bin/bash
# generate, classify and inspect from outside, on a model trained for a few steps.
# usage: cli_generate.sh AFFEKT MAKE_CHECKPOINT CHECK_MIDI
here=$(realpath "$(dirname "$0")")
affekt=$1
# shellcheck disable=SC2034 # for expectations.sh
make_checkpoint=$2
check_midi=$3
. "$here/expectations.sh"

run 0 compose --count 6 --seed 3 --out music
run 0 pack music --labels music/labels.csv --out corpus.h5
make corpus.h5 model.h5 12 train.steps=12 train.batch=4 train.stage1=0.5 train.warmup=1 \
    train.learning_rate=0.005
make corpus.h5 early.h5 1 train.steps=10 train.batch=4
make corpus.h5 never.h5 0 train.batch=4
make corpus.h5 nan.h5 nan train.batch=4
make corpus.h5 normal.h5 1 train.batch=4 mixture.prior=normal

# Command lines that are refused before anything is read.
for verb in generate classify inspect; do
    run 0 $verb --help
    grep -q "^Usage: affekt $verb" stdout || fail "affekt $verb --help"
    [ ! -s stderr ] || fail "affekt $verb --help: stderr is not empty"
done
refuses 2 '--checkpoint F|RUN is missing' generate --emotion sad --out out
refuses 2 '--emotion is missing: happy, tense, sad, calm or Q1 to Q4' generate -c model.h5 -o out
refuses 2 '--out DIR is missing' generate --checkpoint model.h5 --emotion sad
refuses 2 '--emotion = angry: want happy, tense, sad, calm or Q1 to Q4' \
    generate --checkpoint model.h5 --emotion angry --out out
for bad in 'count 0' 'count 100000' 'bars 0' 'bars 513' 'seed -1' 'temperature 0' 'temperature nan' \
    'top-p 0' 'top-p 1.5' 'tempo 5' 'tempo 1e9' 'key H' 'key Cx' 'key Cmaj'; do
    # shellcheck disable=SC2086
    set -- $bad
    run 2 generate --checkpoint model.h5 --emotion sad --out out "--$1=$2"
    grep -q "^error: --$1 = $2: want" stderr || fail "--$bad is not explained"
done
refuses 2 'no INPUT given' classify --checkpoint model.h5
refuses 2 '--checkpoint F|RUN is missing' classify music
refuses 2 'no FILE given' inspect
refuses 2 "unexpected argument 'b'" inspect a b
[ ! -e out ] || fail 'a refused command line made its folder'

# Checkpoints that are refused.
head -c 20000 model.h5 >short.h5
cp model.h5 flipped.h5
printf '\xff' | dd of=flipped.h5 bs=1 seek=30000 conv=notrunc status=none
echo hello >text.h5
mkdir empty
length=$(stat -c %s model.h5)
for verb in 'generate --emotion sad --out out --checkpoint' 'classify music --checkpoint'; do
    # shellcheck disable=SC2086
    {
        refuses 1 'early.h5: no fitted mixture yet (step 1, the fit comes at step 4)' $verb early.h5
        refuses 1 'never.h5: a model that never trained' $verb never.h5
        refuses 1 'nan.h5: weights not finite' $verb nan.h5
        refuses 1 'normal.h5: has no mixture: trained with mixture.prior = normal' $verb normal.h5
        refuses 1 "short.h5: truncated or extended: 20000 bytes, its record says $length" \
            $verb short.h5
        refuses 1 'flipped.h5: damaged: its content does not match its digest' $verb flipped.h5
        refuses 1 'text.h5: neither an HDF5 file nor an affekt checkpoint' $verb text.h5
        refuses 1 'corpus.h5: an HDF5 file, but no affekt checkpoint' $verb corpus.h5
        refuses 1 'none.h5: no such file or folder' $verb none.h5
        refuses 1 'empty: a folder without checkpoints/latest' $verb empty
    }
done
[ ! -e out ] || fail 'a refused checkpoint made the folder'

# The paths and nothing else on stdout; whole files; equal bytes whatever the count.
for emotion in happy tense sad calm; do
    run 0 generate --checkpoint model.h5 --emotion $emotion --count 3 --bars 12 --drafts 2 --out a
    printf "a/$emotion-000%d.mid\n" 1 2 3 | cmp -s - stdout || fail 'the paths are not as expected'
    [ "$(wc -l <stderr)" -le 1 ] || fail 'more than one progress line in an interval'
done
[ "$(ls a | wc -l)" -eq 12 ] || fail 'not 12 files, or temporaries are left'
run 0 generate --checkpoint model.h5 --emotion q3 --count 10 --bars 12 --drafts 2 --out b
for i in 1 2 3; do
    cmp -s a/sad-000$i.mid b/sad-000$i.mid || fail "piece $i depends on --count"
done
run 0 generate --checkpoint model.h5 --emotion Q3 --seed 2 --bars 12 --drafts 2 --out b
cmp -s a/sad-0001.mid b/sad-0001.mid && fail 'another seed, the same piece'
cmp -s <(cat a/sad-*.mid) <(cat a/calm-*.mid) && fail 'another emotion, the same pieces'

# A run folder means its latest checkpoint; key and tempo are kept; JSON alone on stdout.
mkdir -p run/checkpoints
cp model.h5 run/checkpoints/step-00000012.h5
ln -s step-00000012.h5 run/checkpoints/latest
run 0 generate --checkpoint run --emotion calm --count 2 --key F#m --tempo 97.5 --bars 5 --json \
    --out c
json 'd["checkpoint"] == "run" and d["step"] == 12'
json '[p["path"] for p in d["pieces"]] == ["c/calm-0001.mid", "c/calm-0002.mid"]'
json 'all(p["key"] == "F#" and p["tempo"] == 97.5 and p["bars"] == 5 for p in d["pieces"])'
json 'all(p["emotion"] == "calm" and p["seed"] == 1 and p["notes"] > 0 for p in d["pieces"])'

# A second reader finds valid files of the length asked for.
"$mido_python" "$check_midi" 12 a/*.mid b/*.mid || fail 'mido finds fault with the files'
"$mido_python" "$check_midi" 5 c/*.mid || fail 'mido finds fault with the files'

# What cannot be written fails; what was there stays whole.
refuses 1 'text.h5: cannot make the folder: File exists' \
    generate --checkpoint model.h5 --emotion sad --out text.h5
mkdir d d/sad-0001.mid
run 1 generate --checkpoint model.h5 --emotion sad --out d
grep -q '^error: d/sad-0001.mid: ' stderr || fail 'a path that is a folder is not named'

# classify: a line a file, bad files passed over, accuracy, equal results in JSON.
mkdir mixed
cp music/happy-00001.mid music/sad-00001.mid mixed/
echo MThd >mixed/bad.mid
run 0 classify --checkpoint model.h5 mixed
[ "$(wc -l <stdout)" -eq 2 ] || fail 'not one line a file'
[ "$(grep -c '^mixed/bad.mid: ' stderr)" -eq 1 ] || fail 'the bad file is not named'
[ "$(wc -l <stderr)" -eq 1 ] || fail 'more than one line on stderr'
grep -q ' mixed/happy-00001.mid$' stdout || fail 'a file is missing'
mkdir none
cp mixed/bad.mid none/also.mid
: >none/void.mid
run 1 classify --checkpoint model.h5 none
[ ! -s stdout ] || fail 'results without a file'
[ "$(wc -l <stderr)" -eq 3 ] || fail 'not a line a file, and one more'
tail -1 stderr | grep -q '^error: none of 2 inputs could be read$' || fail 'not explained'
refuses 1 'void.mid: empty file' classify --checkpoint model.h5 none/void.mid
refuses 1 'no MIDI files in empty' classify --checkpoint model.h5 empty
run 1 classify --checkpoint model.h5 nowhere.mid
run 0 classify --checkpoint model.h5 music --labels music/labels.csv
[ "$(grep -c '  label ' stdout)" -eq 24 ] || fail 'labels are missing'
grep -q '^accuracy of 24 labelled files: quadrant 0\.[0-9]*, arousal 0\.[0-9]*, valence' stdout ||
    fail 'no accuracy'
run 0 classify --checkpoint model.h5 music mixed/bad.mid --labels music/labels.csv --json
json 'd["classified"] == 24 and d["unreadable"] == 1 and len(d["files"]) == 24'
json 'all(abs(sum(f["probability"].values()) - 1) < 1e-6 for f in d["files"])'
json 'all(f["probability"][f["emotion"]] == max(f["probability"].values()) for f in d["files"])'
json 'all(len(f["latent"]["rhythm"]) == len(f["latent"]["tonal"]) == 8 for f in d["files"])'
json 'sum(map(sum, d["accuracy"]["confusion"])) == d["accuracy"]["labelled"] == 24'
json 'abs(sum(f["emotion"] == f["label"] for f in d["files"]) / 24 - d["accuracy"]["quadrant"]) < 1e-6'
json 'd["files"][0]["segments"] == 2'
refuses 1 'nothing.csv: cannot open: No such file or directory' \
    classify --checkpoint model.h5 music --labels nothing.csv

# inspect: both kinds, digests, damage.
run 0 inspect corpus.h5 --verify
grep -q '^24 pieces, 48 segments, ' stdout || fail 'the counts are not as expected'
grep -q '^digest: [0-9a-f]\{32\}, verified$' stdout || fail 'not verified'
run 0 inspect corpus.h5 --json
json 'd["kind"] == "corpus" and d["pieces"] == 24 and d["tokeniser"] == {"grid": 4, "bars": 8}'
json 'sum(s[e] for s in d["splits"].values() for e in ("happy", "tense", "sad", "calm")) == 24'
json 'd["tempo_unknown"] == 0 and d["off_grid"] == 0 and not d["verified"]'
run 0 inspect corpus.h5 --digest
grep -qx '[0-9a-f]\{32\}' stdout || fail 'not one line of 32 digits'
run 0 inspect run --verify
grep -q '^step 12 of 12, mixture fitted$' stdout || fail 'the step is not as expected'
grep -q ' parameters, preset tiny; ' stdout || fail 'the preset is not as expected'
run 0 inspect early.h5
grep -q '^step 1 of 10, mixture not fitted$' stdout || fail 'the step is not as expected'
run 0 inspect model.h5 --json --digest --verify
json 'd["kind"] == "checkpoint" and d["step"] == 12 and d["fitted"] and d["verified"]'
json 'd["config"]["model"]["width"] == 64 and d["config"]["mixture"]["prior"] == "dispersed"'
json 'd["config"]["train"]["learning_rate"] == 0.005 and d["config"]["data"]["augment"] is True'
json 'sum(t["shape"][0] * t["shape"][1] for t in d["tensors"] if t["name"].startswith("model/")) \
    == d["parameters"]'
json 'len({d["digest"][k] for k in ("file", "weights", "state")}) == 3'
state=$(python3 -c 'import json; print(json.load(open("stdout"))["digest"]["state"])')
run 0 inspect model.h5 --digest
[ "$(cat stdout)" = "$state" ] || fail 'the plain digest is not that of the state'

# The state's digest covers moments and step: the same training gives it again, one step less not.
make corpus.h5 again.h5 12 train.steps=12 train.batch=4 train.stage1=0.5 train.warmup=1 \
    train.learning_rate=0.005
run 0 inspect again.h5 --digest
[ "$(cat stdout)" = "$state" ] || fail 'the same training, another digest'
make corpus.h5 again.h5 11 train.steps=12 train.batch=4 train.stage1=0.5 train.warmup=1 \
    train.learning_rate=0.005
run 0 inspect again.h5 --digest
[ "$(cat stdout)" = "$state" ] && fail 'another step, the same digest'

refuses 1 'text.h5: neither an HDF5 file nor an affekt checkpoint' inspect text.h5
refuses 1 "short.h5: truncated or extended: 20000 bytes, its record says $length" inspect short.h5
refuses 1 'flipped.h5: damaged: its content does not match its digest' inspect --verify flipped.h5
refuses 1 'none.h5: no such file or folder' inspect none.h5
refuses 1 'empty: a folder without checkpoints/latest' inspect empty
refuses 1 '/dev/null: not a regular file' inspect /dev/null
head -c 9000 corpus.h5 >short.h5
run 1 inspect short.h5
[ "$(grep -c '^error: short.h5: ' stderr)" -eq 1 ] || fail 'a truncated corpus is not named'
cp corpus.h5 flipped.h5
printf '\x01' | dd of=flipped.h5 bs=1 seek="$(($(stat -c %s corpus.h5) / 2))" conv=notrunc \
    status=none
run 1 inspect --verify flipped.h5
[ "$(grep -c '^error: flipped.h5: ' stderr)" -eq 1 ] || fail 'a damaged corpus is not named'

# Pieces as sound and as pictures; without the synthesizer one line, and nothing is written.
sketch=(generate --checkpoint model.h5 --emotion calm --bars 2 --drafts 1)
run 0 "${sketch[@]}" --png --out drawn
[ "$(head -c 4 drawn/calm-0001.png | tail -c 3)" = PNG ] || fail 'no picture'
[ "$(ls drawn)" = "$(printf 'calm-0001.%s\n' mid png)" ] || fail "not the files asked for: $(ls drawn)"
env PATH=/none "$affekt" "${sketch[@]}" --wav --out silent >stdout 2>stderr
[ $? -eq 1 ] || fail 'no synthesizer: not exit code 1'
grep -qx 'error: --wav: fluidsynth cannot be run; .*' stderr || fail 'no synthesizer: no such line'
[ ! -e silent ] || fail 'something was written without the synthesizer'
if command -v fluidsynth >/dev/null && ls /usr/share/sounds/sf2/*.sf2 >/dev/null 2>&1; then
    run 0 "${sketch[@]}" --wav --out heard
    [ "$(head -c 4 heard/calm-0001.wav)" = RIFF ] || fail 'no sound'
    [ "$(stat -c %s heard/calm-0001.wav)" -gt 100000 ] || fail 'next to no sound'
    [ "$(ls heard)" = "$(printf 'calm-0001.%s\n' mid wav)" ] || fail "not the files asked for: $(ls heard)"
else
    echo 'not tested: --wav, for want of fluidsynth or a soundfont'
fi

finish
