# shellcheck shell=bash
# Completion of affekt in bash: verbs, options and the words that options take, read from --help, so
# that nothing here needs to follow the program.  `cmake --install` puts it where bash-completion
# finds it; without that, source this file.

# The options of a verb, those with a value ending in `=`.
_affekt_options() {
    "$1" "$2" --help 2>/dev/null | sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z0-9-]*=\{0,1\}\).*/\2/p'
}

# The words that an option's value may be; nothing where it is a file, a number or free.
_affekt_values() {
    case $3 in
    --emotion | --to) echo happy tense sad calm ;;
    --preset) echo tiny small base large ;;
    --split) [ "$2" != evaluate ] || echo test validation train ;;
    --resume) echo auto never ;;
    --set)
        "$1" train --options 2>/dev/null |
            sed -n 's/^\[\(.*\)\]$/\1/p; s/^  \([a-z0-9_]*\)  .*/ \1/p' |
            awk '/^ / { print section "." $1 "=" } !/^ / { section = $1 }'
        ;;
    esac
}

_affekt() {
    local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]}
    local option=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$word")
        return
    fi
    # bash divides words at `=`: --set=KEY arrives as `--set`, `=`, `KEY`
    [ "$word" != = ] || word=
    [ "$option" != = ] || option=${COMP_WORDS[COMP_CWORD - 2]}
    if [ "${COMP_WORDS[COMP_CWORD]}" != = ] && [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_affekt_options "$program" "$verb")" -- "$word")
    else
        words=$(_affekt_values "$program" "$verb" "$option")
        [ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        [ -n "$words" ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

complete -o filenames -F _affekt affekt
