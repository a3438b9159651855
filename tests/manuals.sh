#!/bin/bash
# Manual pages: one a verb, with every option of --help, and train's with every option of --set; and
# what an installation puts where.
# usage: manuals.sh MANUALS AFFEKT BUILD
manuals=$1
affekt=$2
build=$3
# shellcheck source=tests/expectations.sh
. "$(dirname "$(realpath "$0")")/expectations.sh"

"$manuals" >stdout 2>stderr
[ $? -eq 2 ] || fail 'no arguments: another exit code than 2'
grep -q '^usage' stderr || fail 'no usage'
cmake --install "$build" --prefix "$folder/usr" >stdout 2>stderr || fail 'cannot be installed'
man=$folder/usr/share/man/man1
verbs=$("$affekt" --help | sed -n '/^  affekt/d; s/^  \([a-z]*\) .*/\1/p')
[ "$(find "$man" -name 'affekt*.1' | wc -l)" -eq $(($(wc -w <<<"$verbs") + 1)) ] || fail 'not a page a verb'
for verb in $verbs; do
    page=$man/affekt-$verb.1
    head -1 <(grep '^\.TH' "$page") | grep -q "^\.TH AFFEKT-${verb^^} " || fail "$verb: no title"
    grep -q "^affekt-$verb \\\\- [a-zA-Z]" "$page" || fail "$verb: no name for whatis"
    grep -q "affekt\\\\-$verb" "$man/affekt.1" || fail "affekt.1 names no affekt-$verb"
    for option in $("$affekt" "$verb" --help | grep -oE '^ +(-., )?--[a-z0-9-]+' | grep -o -- '--.*'); do
        grep -qF -- "${option//-/\\-}" "$page" || fail "$verb: no $option"
    done
done
for option in $("$affekt" train --options | sed -n 's/^  \([a-z0-9_]*\)  .*/\1/p'); do
    grep -q "^\\\\&  $option " "$man/affekt-train.1" || fail "train: no $option"
done
[ -x "$folder/usr/bin/affekt" ] || fail 'no program installed'
cmp -s "$folder/usr/share/bash-completion/completions/affekt" "$(dirname "$manuals")/completion.bash" ||
    fail 'no completion installed'

finish
