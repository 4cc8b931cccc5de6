#!/usr/bin/env bash
# Finds doc comments that begin with a question word, because the reader would have to reorder them. A
# function's comment begins with a verb, a type's with a noun.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

words='What|Where|Whether|Who|Whose|Whom|How|Of|That|Which|When|The same'
# Checks only the first line of a comment: a line that does not follow another comment line.
# shellcheck disable=SC2016
found=$(find module dmpstat tests -name target -prune -o -name '*.rs' -print0 | sort -z | xargs -0 awk -v words="$words" '
	FNR == 1 { before = "" }
	$0 ~ "^[ \t]*//[/!] (" words ")([^A-Za-z]|$)" && before !~ /^[ \t]*\/\/[\/!]/ {
		printf "%s:%d: %s\n", FILENAME, FNR, $0
	}
	{ before = $0 }')
if [[ $found ]]; then
	echo "$found" >&2
	echo "$(wc -l <<<"$found") doc comments begin with one of $words: begin with a verb or noun" >&2
	exit 1
fi
