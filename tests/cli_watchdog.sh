#!/bin/bash
# affekt train with ranks that die, stop or are slow: who is named, how fast the run ends, and what
# is waited for; pack and evaluate with ranks that die.  Also a file system that refuses locks.
# usage: cli_watchdog.sh AFFEKT MPIEXEC FILE_FAULTS HOLD
set -u
affekt=$1
mpiexec=$2
faults=$3
hold=$4
folder=$(mktemp -d)
launcher=
trap '[ -z "$launcher" ] || kill "$launcher" 2>/dev/null; rm -rf "$folder"' EXIT
failures=0
cd "$folder" || exit 1

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/  stderr: /' stderr | grep -v -e '---' | head -12
}

# begin OUT OPTION...: three ranks that train until somebody ends them; waits for a tenth step and
# for heartbeats.
begin() {
    out=$1
    shift
    timeout 120 "$mpiexec" --oversubscribe --bind-to none -n 3 "$affekt" train --corpus c.h5 \
        --preset tiny --set train.batch=4 --set train.validate_every=0 --out "$out" "$@" \
        >stdout 2>stderr </dev/null &
    launcher=$!
    for _ in $(seq 600); do
        [ "$(cat "$out/metrics.jsonl" 2>/dev/null | wc -l)" -ge 10 ] &&
            [ "$(grep -c 'phase [^s]\|phase share' "$out/heartbeat" 2>/dev/null)" -eq 3 ] && return
        kill -0 "$launcher" 2>/dev/null || break
        sleep 0.1
    done
    fail "$out: does not get to step 10"
}

# pid_of RANK: from the heartbeats, which tell it to people, too.
pid_of() {
    sed -n "s/^rank $1 .* pid \([0-9]*\) .*/\1/p" "$out/heartbeat"
}

# ends SECONDS WORDS: the run ends in time, with one line, in which the WORDS are.
ends() {
    local code start=$SECONDS step done
    wait "$launcher"
    code=$?
    launcher=
    [ "$code" -ne 0 ] && [ "$code" -ne 3 ] && [ "$code" -ne 124 ] || fail "$out: exit code $code"
    [ $((SECONDS - start)) -le "$1" ] || fail "$out: ended after $((SECONDS - start)) s, want $1 s"
    # the next rank takes its turn where the first one's abort does not end it
    [ "$(grep -c '^error: ' stderr)" -le $((${AFFEKT_TEST_STUCK_ABORT:-0} + 1)) ] || fail "$out: not one error line"
    grep -q "^error: rank [0-9]: $2" stderr || fail "$out: want '$2'"
    # the step is the one after the last that all have done, or that one itself
    step=$(sed -n 's/^error: .* at step \([0-9]*\).*/\1/p' stderr | head -n 1)
    done=$(tail -n 1 "$out/metrics.jsonl" | sed 's/{"step":\([0-9]*\),.*/\1/')
    [ "${step:-0}" -ge "$done" ] && [ "${step:-0}" -le $((done + 1)) ] ||
        fail "$out: names step ${step:-none}, the metrics end with $done"
    echo "$out: $((SECONDS - start)) s, $(grep -m 1 '^error: ' stderr)"
}

"$affekt" compose --count 4 --out midi >/dev/null 2>&1 || fail 'compose'
"$affekt" pack midi --labels midi/labels.csv --out c.h5 >/dev/null 2>&1 || fail 'pack'
touch stderr

# A rank that died: the others are told within seconds, whatever the bound.
for rank in 0 2; do
    begin "died-$rank" --steps 100000
    kill -KILL "$(pid_of $rank)"
    ends 10 "rank $rank died, at step [0-9]*: last seen in [a-z ]* of step [0-9]*; this rank is in "
    grep -q "^rank $rank step" "died-$rank/heartbeat" || fail 'the heartbeats are gone'
done

# A rank that stands still, the first one or another: after the bound, which is ten of the longest step
# where the machine is busy.
for rank in 0 2; do
    begin "stopped-$rank" --steps 100000 --set train.watchdog=3
    kill -STOP "$(pid_of $rank)"
    ends 45 "rank $rank has given no sign of life for [0-9]* s, at step [0-9]*: last seen in "
done

# The same while a thread sums gradients, which ranks of one node do not have unasked.
begin died-overlap --steps 100000 --set train.overlap=on
kill -KILL "$(pid_of 1)"
ends 10 "rank 1 died, at step [0-9]*: last seen in [a-z ]* of step [0-9]*; this rank is in "
begin stopped-overlap --steps 100000 --set train.overlap=on --set train.watchdog=3
kill -STOP "$(pid_of 1)"
ends 45 "rank 1 has given no sign of life for [0-9]* s, at step [0-9]*: last seen in "

# A rank that stands still while its threads live: in a collective, where all wait and nobody can tell
# for whom; and in its own work, where it names itself.  Then with an MPI_Abort that does not return,
# as from a thread of its own it may not: the rank that gave up exits, and the launcher ends the rest.
# stuck OUT PLACE SECONDS WORDS
stuck() {
    LD_PRELOAD=$faults AFFEKT_TEST_STUCK=$2 AFFEKT_TEST_STUCK_RANK=1 AFFEKT_TEST_STUCK_FILE=$folder/stuck \
        begin "$1" --steps 100000 --set train.watchdog=3
    touch stuck
    ends "$3" "$4"
    rm -f stuck
    ! pgrep -f -- "^$affekt train .*--out $1 " >/dev/null || fail "$1: ranks are left"
}
stuck in-collective collective 45 'waits for [0-9]* s at step [0-9]*, in .*: so do all ranks, and MPI delivers'
stuck in-work work 45 '\(rank 1 \)\?does not get on: for [0-9]* s at step [0-9]*, in '
grep -q '^error: rank 1: does\|rank 1 does' stderr || fail 'in-work: names another rank'
export AFFEKT_TEST_STUCK_ABORT=1
stuck no-abort-collective collective 50 'waits for [0-9]* s at step [0-9]*, in '
stuck no-abort-work work 50 '\(rank 1 \)\?does not get on: for [0-9]* s at step [0-9]*, in '
unset AFFEKT_TEST_STUCK_ABORT

# What takes long with reason: a save to a slow disk, several times the bound; then all is well.
LD_PRELOAD=$faults AFFEKT_TEST_SLOW_FSYNC=3 begin slow --steps 40 --set train.watchdog=1 \
    --set checkpoint.every=1000
wait "$launcher" || fail "slow saves: exit code $?"
launcher=
[ -e slow/complete ] || fail 'slow saves: not complete'
[ ! -e slow/heartbeat ] || fail 'a run that ended in order leaves its heartbeats'

# The other parallel verbs leave a dead rank to the launcher, which ends them as fast.
# loses RANK SECONDS COMMAND...: a rank of the command dies after so many seconds.
loses() {
    local rank=$1 code start pid
    timeout 60 "$mpiexec" --oversubscribe --bind-to none -n 3 "$affekt" "${@:3}" >stdout 2>stderr </dev/null &
    launcher=$!
    sleep "$2"
    for pid in $(pgrep -f -- "^$affekt ${*:3}"); do
        tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$rank" && break
        pid=
    done
    [ -n "${pid:-}" ] || fail "$3: ended before its rank $rank could die"
    start=$SECONDS
    [ -z "${pid:-}" ] || kill -KILL "$pid"
    wait "$launcher"
    code=$?
    launcher=
    [ "$code" -ne 0 ] && [ "$code" -ne 3 ] && [ "$code" -ne 124 ] || fail "$3: exit code $code without rank $rank"
    [ $((SECONDS - start)) -le 10 ] || fail "$3: ended $((SECONDS - start)) s after rank $rank"
    echo "$3 without rank $rank: code $code after $((SECONDS - start)) s"
}
LD_PRELOAD=$faults AFFEKT_TEST_SLOW_FSYNC=20 loses 1 3 pack midi --labels midi/labels.csv --out lost.h5
[ ! -e lost.h5 ] || fail 'pack: leaves a corpus though a rank died'
loses 2 3 evaluate --checkpoint slow --corpus c.h5 --split train --count 10000
[ ! -e slow/evaluation.json ] || fail 'evaluate: leaves results though a rank died'

# A rank that a debugger holds for longer than the bound.
begin held --steps 100 --set train.watchdog=1.5
"$hold" "$(pid_of 1)" 5 2>hold.err || echo "NOT TESTED: no process can be held here: $(cat hold.err)"
wait "$launcher" || fail "held: exit code $?"
launcher=
[ -e held/complete ] || fail 'held: not complete'

# No watchdog, no file of it.
mkdir -p off/heartbeat
timeout 60 "$affekt" train --corpus c.h5 --preset tiny --set train.batch=4 --steps 3 \
    --set train.watchdog=0 --out off >stdout 2>stderr || fail "off: exit code $?"
! grep -q heartbeat stderr || fail 'off: there is a watchdog'

# Heartbeats that cannot be written are no reason to stop.
mkdir -p blind/heartbeat
timeout 60 "$affekt" train --corpus c.h5 --preset tiny --set train.batch=4 --steps 3 --out blind \
    >stdout 2>stderr || fail "blind: exit code $?"
[ "$(grep -c '^warning: blind/heartbeat: .*a stuck rank will not be noticed' stderr)" -eq 1 ] ||
    fail 'blind: no warning'

# Locks refused, as by NFS or Lustre without them: everything works, once.
refused() {
    LD_PRELOAD=$faults AFFEKT_TEST_NO_FLOCK=1 timeout 60 "$@" >stdout 2>stderr || fail "no locks: $*: code $?"
}
refused "$affekt" pack midi --labels midi/labels.csv --out unlocked.h5
cmp -s c.h5 unlocked.h5 || fail 'no locks: another corpus'
refused "$mpiexec" --oversubscribe --bind-to none -n 2 "$affekt" train --corpus unlocked.h5 \
    --preset tiny --set train.batch=4 --steps 4 --set checkpoint.every=2 --out unlocked
[ "$(ls unlocked/checkpoints/*.h5 | wc -l)" -eq 2 ] || fail 'no locks: checkpoints are missing'
refused "$affekt" inspect --verify unlocked
refused "$affekt" generate --checkpoint unlocked --emotion sad --count 1 --bars 4 --out music
refused "$mpiexec" --oversubscribe --bind-to none -n 2 "$affekt" train --corpus unlocked.h5 \
    --preset tiny --set train.batch=4 --steps 6 --out unlocked
grep -q 'resuming from .*step-00000004.h5' stderr || fail 'no locks: does not resume'

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
