# shellcheck shell=bash
# What the batch scripts share: the site, the launch with its signals, the verdict, the next start.
# Sourced in a job.  A launcher's exit code is never taken for success: srun may return 0 after a
# failure, and mpirun 205 after a node's; each script looks for what its verb leaves behind.

# job_begin VERB: reads the site, trims the log of earlier starts.
job_begin() {
    verb=$1
    slurm_folder=${AFFEKT_SLURM:-$SLURM_SUBMIT_DIR}
    # shellcheck source=slurm/site.conf
    source "${AFFEKT_SITE:-$slurm_folder/site.conf}" || exit 1
    # shellcheck source=slurm/program.sh
    source "$slurm_folder/program.sh"
    load_modules || exit 1
    find_program || exit 1
    restarts=${SLURM_RESTART_COUNT:-0}
    signalled=
    launcher=
    code=0
    lost= # yes: a rank died or was stuck
    job_trim_log
    say "job $SLURM_JOB_ID, start $((restarts + 1)), on ${SLURM_JOB_NODELIST:-?}"
    if [ "$restarts" -gt "$MAX_RESTARTS" ]; then
        say "restarted $restarts times, the limit is $MAX_RESTARTS: submit again to go on"
        exit 1
    fi
    trap 'job_signal USR1' USR1
    trap 'job_signal TERM' TERM
}

say() {
    echo "$(date +%FT%T) affekt $verb: $*"
}

# Keeps the end of a log that many starts have appended to.
job_trim_log() {
    local log
    log=$(readlink "/proc/$$/fd/1") # of this shell: in $(...), /proc/self has a pipe
    [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt "$LOG_BYTES" ] || return 0
    tail -c "$LOG_BYTES" "$log" >"$log.tail" && cat "$log.tail" >"$log"
    rm -f "$log.tail"
}

# USR1 comes from Slurm ahead of the time limit or of a preemption, TERM at its end or from scancel.
# The launcher passes USR1 on to all ranks, wherever they run; they save and exit 3.  Once only: a
# second USR1 would end them without saving.
job_signal() {
    [ -n "$launcher" ] && [ -z "$signalled" ] && kill -USR1 "$launcher" 2>/dev/null
    signalled=$1
    say "signal $1"
}

# job_hear LINE: what it tells, in job_limit's variables: a refusal to begin, the rank that the
# launcher saw die first, or affekt's own words before that.
job_hear() {
    local srun='^srun: error: ([^:]*): tasks? ([0-9,-]+): (.*)$'
    local mpirun='noticed that process rank ([0-9]+) with PID [0-9]+ on node ([^ ]+) (exited on signal.*)\.$'
    case $1 in
    'error: SLURM_STEP_NUM_TASKS = '* | 'srun: error: '*': Exited with exit code 2') status=$REFUSED ;;
    esac
    [ -z "$died" ] || return 0
    if [[ $1 =~ $srun && ${BASH_REMATCH[3]} != Exited* ]]; then
        died="rank ${BASH_REMATCH[2]} on ${BASH_REMATCH[1]}: ${BASH_REMATCH[3]}"
    elif [[ $1 =~ $mpirun ]]; then
        died="rank ${BASH_REMATCH[1]} on ${BASH_REMATCH[2]}: ${BASH_REMATCH[3]}"
    elif [[ $1 == ----------* ]]; then # mpirun frames what it says
        framed=$((1 - framed))
    elif [ "$framed" -eq 0 ] && [[ $1 =~ ^[a-z0-9] && ! $1 =~ ^(srun|slurmstepd): ]]; then
        heard=$1
    fi
}

# Passes lines on until they make LOG_BYTES, then swallows the rest: nothing may block a rank.  Ends
# with the rank that the launcher saw die first, and what affekt had said last.  Its status is
# REFUSED when a rank says that it refuses to begin: the launcher's code may then be that of
# a rank killed for the others' sake.
REFUSED=7
job_limit() {
    local line heard=nothing died='' framed=0 room=$LOG_BYTES status=0
    trap '' TERM USR1
    while IFS= read -r line; do
        job_hear "$line"
        room=$((room - ${#line} - 1))
        [ "$room" -ge 0 ] || break
        printf '%s\n' "$line"
    done
    [ "$room" -ge 0 ] || { say "the rest of this start's output is left out" && cat >/dev/null; }
    [ -z "$died" ] || say "died: $died; last heard before: $heard"
    return "$status"
}

# job_launch ARGUMENT...: affekt VERB on all ranks; leaves the launcher's code in `code`.
job_launch() {
    local command limiter output
    if [ -n "$signalled" ]; then # no time to begin
        code=3
        return
    fi
    case $LAUNCH in
    # since 22.05 srun no longer takes the job's --cpus-per-task by itself
    srun) command=(srun "--cpus-per-task=${SLURM_CPUS_PER_TASK:-1}" "${SRUN_OPTIONS[@]}") ;;
    mpirun) command=(mpirun "${MPIRUN_OPTIONS[@]}") ;;
    *) say "LAUNCH=$LAUNCH: want srun or mpirun" && exit 2 ;;
    esac
    exec {output}> >(job_limit)
    limiter=$!
    "${command[@]}" "${AFFEKT[@]}" "$verb" "$@" </dev/null >&"$output" 2>&1 &
    launcher=$!
    exec {output}>&-
    job_wait "$launcher"
    code=$waited
    launcher=
    job_wait "$limiter"
    [ "$waited" -ne "$REFUSED" ] || code=2
}

# job_wait PID: `wait` returns early for each signal that has a trap.
job_wait() {
    while :; do
        wait "$1"
        waited=$?
        kill -0 "$1" 2>/dev/null || break
    done
    # the child may have ended between the signal and the question
    if [ "$waited" -gt 128 ]; then
        local again
        wait "$1" 2>/dev/null
        again=$?
        [ "$again" -eq 127 ] || waited=$again
    fi
}

# Seconds until the time limit; nothing when there is none.
job_seconds_left() {
    local text days=0 part seconds=0
    text=$(squeue -h -j "$SLURM_JOB_ID" -o %L 2>/dev/null)
    [[ $text =~ ^[0-9:-]+$ ]] || return 0
    [[ $text != *-* ]] || { days=${text%-*} && text=${text#*-}; }
    for part in ${text//:/ }; do seconds=$((seconds * 60 + 10#$part)); done
    echo $((10#$days * 86400 + seconds))
}

job_done() {
    say "done: $*"
    exit 0
}

# job_again PROGRESS NOTES: requeues the job, or ends it when that would not help.
#   PROGRESS  yes when this start got further than the one before
#   NOTES     file that counts the starts in vain
job_again() {
    local vain=0
    [ "$1" = yes ] || vain=$(($(cat "$2" 2>/dev/null || echo 0) + 1))
    echo "$vain" >"$2"
    if [ "$signalled" = TERM ]; then
        say "ended from outside (code $code): submit again to go on"
    elif [ "$code" -eq 2 ] || { [ "$code" -eq 1 ] && [ "$1" != yes ] && [ -z "$lost" ]; }; then
        say "failed with code $code; the reason is above"
        exit "$code"
    elif [ "$vain" -ge 3 ]; then
        say "3 starts in a row got no further (code $code): not requeued"
        exit 1
    elif [ "$restarts" -ge "$MAX_RESTARTS" ]; then
        say "restarted $restarts times, the limit: submit again to go on"
    else
        say "requeues itself (code $code)"
        trap - USR1 TERM
        scontrol requeue "$SLURM_JOB_ID" && exec sleep 120 # until Slurm ends this start
        say "cannot be requeued: submit again to go on"
    fi
    exit 3
}
