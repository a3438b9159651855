# shellcheck shell=bash
# What submit and the jobs share: the program, and reading its options.

# Leaves the command in AFFEKT, an array, with an absolute path: mpirun passes no PATH on.  Needs the
# site's choices and slurm_folder.
find_program() {
    local path
    if [ ${#AFFEKT[@]} -eq 0 ]; then
        for path in "$(command -v affekt)" "$slurm_folder/../../../bin/affekt" \
            "$slurm_folder/../build/release/affekt"; do
            [ -n "$path" ] && [ -x "$path" ] && AFFEKT=("$(realpath "$path")") && break
        done
    fi
    [ ${#AFFEKT[@]} -gt 0 ] && command -v "${AFFEKT[0]}" >/dev/null && return
    echo "affekt is not found: set AFFEKT in ${AFFEKT_SITE:-$slurm_folder/site.conf}" >&2
    return 1
}

# Loads the site's modules.  Batch shells are no login shells: the command may have to be found first.
load_modules() {
    local init
    [ ${#MODULES[@]} -gt 0 ] || return 0
    set +u # other people's scripts
    for init in "$MODULESHOME/init/bash" "$LMOD_PKG/init/bash" /etc/profile.d/{modules,lmod}.sh \
        /usr/share/{modules,lmod/lmod}/init/bash; do
        declare -F module >/dev/null && break
        # shellcheck disable=SC1090 # wherever the site has it
        [ ! -r "$init" ] || source "$init"
    done
    if ! declare -F module >/dev/null; then
        echo "error: MODULES = ${MODULES[*]}, but there is no command module here" >&2
        return 1
    fi
    module load "${MODULES[@]}" || {
        echo "error: module load ${MODULES[*]} failed" >&2
        return 1
    }
}

# Whether this affekt has the verb.
has_verb() {
    "${AFFEKT[@]}" --help | grep -q "^  $1 "
}

# option LETTER NAME ARGUMENT...: the last value of an option, as getopt would read it; the
# letter of one that has none is 0.
option() {
    local letter=$1 name=$2 value='' take=
    shift 2
    for word; do
        if [ -n "$take" ]; then
            value=$word take=
            continue
        fi
        case $word in
        "--$name" | "-$letter") take=1 ;;
        "--$name="*) value=${word#*=} ;;
        "-$letter"*) value=${word#"-$letter"} ;;
        esac
    done
    printf '%s\n' "$value"
}

# with_emotion EMOTION ARGUMENT...: the arguments without their emotions, then that one, in
# `chosen`; affekt itself knows no `all`.
with_emotion() {
    local emotion=$1 take=''
    chosen=()
    shift
    for word; do
        case $take$word in
        take*) take='' ;;
        --emotion | -e) take=take ;;
        --emotion=* | -e*) ;;
        *) chosen+=("$word") ;;
        esac
    done
    chosen+=(--emotion "$emotion")
}
