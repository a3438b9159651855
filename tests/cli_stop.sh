#!/bin/bash
# affekt train stopped from outside: signals to one rank and to mpirun at random times, a second
# signal, time limits with slow saves.  Every stop is in time, loses nothing that was saved, and the
# same command goes on to the bits of a run that nobody stopped.
# usage: cli_stop.sh AFFEKT MPIEXEC FAULTS short|full     full: 50 signals of each kind
set -u
affekt=$1
mpiexec=$2
faults=$3
case $4 in
short) signals=3 seconds=1 limits='8:1' steps=120 ;;
full) signals=50 seconds=15 limits='6:0.5 8:0.5 12:0.5 12:1 16:2 20:1 20:2 20:3 40:5' steps=400 ;;
*) exit 2 ;;
esac
folder=$(mktemp -d)
launcher=
trap '[ -z "$launcher" ] || kill "$launcher" 2>/dev/null; rm -rf "$folder"' EXIT
failures=0
cd "$folder" || exit 1
RANDOM=1

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stderr: /' stderr | grep -v -e '---' | head -8
}

now() { date +%s%3N; } # milliseconds
digest() { "$affekt" inspect --digest "$1"; }
steps_of() { cat "$1/metrics.jsonl" 2>/dev/null | grep -c '"loss"'; }

# begin OUT OPTION...: three ranks in the background; waits until all of them catch SIGUSR1.
begin() {
    local out=$1 pid caught
    shift
    timeout 120 "$mpiexec" --oversubscribe --bind-to none -n 3 "$affekt" train --corpus c.h5 "${tiny[@]}" \
        --out "$out" "$@" >stdout 2>stderr </dev/null &
    launcher=$!
    for _ in $(seq 3000); do
        pids=($(pgrep -f -- "^$affekt train .*--out $out( |\$)"))
        caught=0
        for pid in "${pids[@]}"; do
            mask=$(sed -n 's/^SigCgt:\t*//p' "/proc/$pid/status" 2>/dev/null)
            [ -n "$mask" ] && [ $((0x$mask >> 9 & 1)) -eq 1 ] && caught=$((caught + 1))
        done
        [ "$caught" -eq 3 ] && return
        kill -0 "$launcher" 2>/dev/null || break
        sleep 0.01
    done
    fail "$out: does not begin"
}

# mpirun itself, below the `timeout`.
mpirun_pid() { pgrep -P "$launcher" | head -n 1; }

# finish: waits; the exit code in `code`, milliseconds since `since` in `took`.
finish() {
    wait "$launcher"
    code=$?
    took=$(($(now) - since))
    launcher=
}

# sound OUT: what is saved is whole, and nothing else lies about.
sound() {
    [ ! -L "$1/checkpoints/latest" ] || "$affekt" inspect --verify "$1" >/dev/null 2>verified ||
        fail "$1: $(cat verified)"
}

# whole OUT: to the end, with the bits of the run that nobody stopped.
whole() {
    timeout 120 "$mpiexec" --oversubscribe --bind-to none -n 3 "$affekt" train --corpus c.h5 "${tiny[@]}" \
        --out "$1" >stdout 2>stderr </dev/null || fail "$1: does not go on: code $?"
    [ "$(digest "$1")" = "$reference" ] || fail "$1: other bits than the uninterrupted run's"
    ! ls "$1"/checkpoints/*.tmp >/dev/null 2>&1 || fail "$1: temporaries are left"
    rm -rf "$1"
}

tiny=(--preset tiny --set model.width=16 --set model.encoder_layers=1 --set model.decoder_layers=1
    --set model.latent_mixture=4 --set model.latent_residual=4 --set train.batch=6
    --set train.micro_events=300 --set train.warmup=4 --set train.validate_rows=8 --set fit.iterations=3
    --set data.row_segments=2 --steps "$steps" --set train.stage1=0.3 --set train.validate_every=25
    --set checkpoint.every=20)
touch stderr
"$affekt" compose --count 8 --bars 16 --out pieces >/dev/null 2>&1 || fail 'compose'
"$affekt" pack pieces --labels pieces/labels.csv --bars 2 --split 70/30/0 --out c.h5 >/dev/null 2>&1 ||
    fail 'pack'
since=$(now)
begin reference
finish
[ "$code" -eq 0 ] || fail "the reference: code $code"
reference=$(digest reference)
echo "a run that nobody stops: $took ms"
span=$((took > 3000 ? 2000 : took * 2 / 3))

# One signal: exit 3 within two steps of that moment, with a checkpoint of the last one.
# signal WHOM COUNT
signal() {
    local whom=$1 count=$2 done=0 seen last all=()
    while [ "$done" -lt "$count" ] && [ "$failures" -lt 5 ]; do
        begin "$whom"
        sleep "$(printf '0.%03d' $((RANDOM % 1000)) | awk -v span="$span" '{ print $1 * span / 1000 }')"
        [ "$whom" = mpirun ] && target=$(mpirun_pid) || target=${pids[RANDOM % 3]}
        since=$(now)
        kill -USR1 "$target" 2>/dev/null
        seen=$(steps_of "$whom")
        finish
        if [ "$code" -eq 0 ] && [ -e "$whom/complete" ]; then # over before that
            whole "$whom"
            continue
        fi
        done=$((done + 1))
        all+=("$took")
        last=$(steps_of "$whom")
        [ "$code" -eq 3 ] || fail "$whom: code $code, want 3"
        grep -q 'stopped early at step' stderr || fail "$whom: does not say that it stops"
        [ "$took" -le 8000 ] || fail "$whom: stopped after $took ms"
        # mpirun takes its time to pass a signal on
        [ "$whom" = mpirun ] || [ "$last" -le $((seen + 2)) ] || fail "$whom: $((last - seen)) steps more"
        [ "$(readlink "$whom/checkpoints/latest")" = "$(printf 'step-%08d.h5' "$last")" ] ||
            fail "$whom: step $last is not saved"
        ! ls "$whom"/checkpoints/*.tmp >/dev/null 2>&1 || fail "$whom: temporaries are left"
        sound "$whom"
    done
    [ ! -d "$whom" ] || whole "$whom"
    printf '%s\n' "${all[@]}" | sort -n | awk -v whom="$whom" '{ t[NR] = $1 } END {
        print NR " signals to " whom ": exit after " t[int((NR + 1) / 2)] " ms (median), " t[NR] " ms (worst)" }'
}
signal rank "$signals"
signal mpirun "$signals"

# A second signal while the first one's save takes long: the end at once, nothing lost.
# twice WHOM
twice() {
    LD_PRELOAD=$faults AFFEKT_TEST_SLOW_FSYNC=3 begin twice --set checkpoint.every=100000
    sleep "0.$((RANDOM % 8 + 1))"
    [ "$1" = mpirun ] && target=$(mpirun_pid) || target=${pids[RANDOM % 3]}
    kill -USR1 "$target"
    sleep "0.$((RANDOM % 6 + 3))"
    since=$(now)
    kill -USR1 "$target"
    finish
    [ "$code" -ne 0 ] && [ "$code" -ne 3 ] && [ "$code" -ne 124 ] || fail "twice $1: code $code"
    [ "$took" -le 8000 ] || fail "twice $1: ended after $took ms"
    [ ! -e twice/complete ] || fail "twice $1: complete"
    sound twice
    worst=$((took > worst ? took : worst))
}
worst=0
for ((i = 0; i < seconds; i++)); do
    twice mpirun
    twice rank
done
whole twice
echo "$((2 * seconds)) second signals: the end after at most $worst ms"

# Time limits with saves of several times that many seconds: stopped before, the last step saved.
# limit SECONDS:FSYNC
limit() {
    local seconds=${1%:*} last
    since=$(now)
    LD_PRELOAD=$faults AFFEKT_TEST_SLOW_FSYNC=${1#*:} begin limit --steps 1000000 --max-time "${seconds}s" \
        --set train.validate_every=0 --set checkpoint.every=100000
    finish
    last=$(steps_of limit)
    [ "$code" -eq 3 ] || fail "limit $1: code $code, want 3"
    [ "$took" -le $((seconds * 1000)) ] || fail "limit $1: took $took ms"
    [ "$(readlink limit/checkpoints/latest)" = "$(printf 'step-%08d.h5' "$last")" ] ||
        fail "limit $1: step $last is not saved"
    sound limit
    echo "a limit of $seconds s, syncs of ${1#*:} s: exit after $took ms"
    rm -rf limit
}
for pair in $limits; do limit "$pair"; done

# No save fits the limit: the end comes in the midst of it.
since=$(now)
LD_PRELOAD=$faults AFFEKT_TEST_SLOW_FSYNC=2 begin late --max-time 7s
finish
[ "$code" -eq 3 ] || fail "late: code $code, want 3"
[ "$took" -ge 6900 ] && [ "$took" -le 10000 ] || fail "late: took $took ms"
ls late/checkpoints/*.tmp >/dev/null 2>&1 || fail 'late: was not in a save'
[ "$(grep -c '^stopped early, without a save: the time limit came first' stderr)" -eq 1 ] ||
    fail 'late: does not say so, or more than once'
sound late
whole late

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
