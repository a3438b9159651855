#!/bin/bash
# Completion in bash: what a user would see after each beginning of a line.
# usage: completion.sh COMPLETION AFFEKT
set -u
completion=$(realpath "$1")
PATH=$(dirname "$(realpath "$2")"):$PATH
failures=0
# shellcheck source=jobs/completion.bash
. "$completion"

# offers WANTED WORD...: the completions of the last word, in any order.
offers() {
    local wanted=$1 got
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _affekt
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
    [ "$got" = "$wanted" ] && return
    failures=$((failures + 1))
    echo "FAILED: $*: offers '$got', want '$wanted'"
}

cd "$(mktemp -d)" || exit 1
trap 'rm -rf "$PWD"' EXIT
touch corpus.h5

offers 'train transfer' affekt tra
offers '--help' affekt --h
offers '--checkpoint= --count=' affekt generate --c
offers '--deterministic --dry-run' affekt train --d
offers '--rhythm-density= --rhythm-from=' affekt transfer --rhythm
offers 'happy' affekt generate --emotion h
offers 'happy' affekt generate --emotion = h
offers 'calm happy sad tense' affekt transfer --to =
offers 'tense' affekt transfer --to te
offers 'small' affekt train --preset = sm
offers 'train' affekt evaluate --split tr
offers 'train.stage1= train.steps=' affekt train --set train.st
offers 'corpus.h5' affekt train --corpus co
offers 'corpus.h5' affekt inspect co
offers '' affekt nonsense --x

# Every verb and option of --help is offered.
mapfile -t verbs < <(affekt --help | sed -n '/^  affekt /d; s/^  \([a-z]*\) .*/\1/p')
COMP_WORDS=(affekt '') COMP_CWORD=1
_affekt
if [ ${#COMPREPLY[@]} -ne $((${#verbs[@]} + 2)) ] || [ ${#verbs[@]} -lt 9 ]; then
    failures=$((failures + 1))
    echo "FAILED: ${#COMPREPLY[@]} words, ${#verbs[@]} verbs"
fi
for verb in "${verbs[@]}"; do
    COMP_WORDS=(affekt "$verb" --) COMP_CWORD=2
    _affekt
    options=$(affekt "$verb" --help | grep -oE '^ +(-., )?--[a-z0-9-]+' | wc -l)
    [ ${#COMPREPLY[@]} -eq "$options" ] && [ "$options" -gt 1 ] && continue
    failures=$((failures + 1))
    echo "FAILED: $verb: ${#COMPREPLY[@]} options offered, $options in --help"
done

[ "$failures" -eq 0 ] && echo 'all passed'
exit $((failures != 0))
