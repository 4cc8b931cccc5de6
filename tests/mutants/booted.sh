#!/usr/bin/env bash
# Changes the module in one place after the other, and runs the booted test that has to detect the change.
# Fails if a change survives: `tests/mutants/booted.sh [NUMBER...]`, an hour for all. --check only searches
# the places.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
mapfile -t changes < <(grep -v '^#' "$here/booted")

say() { echo "booted.sh: $*" >&2; }

# Replaces `from`, which occurs once, by `to` in a file.
change() { # file, from, to
	local text rest
	text=$(cat "$1" && echo .)
	rest=${text#*"$2"}
	if [[ $rest == "$text" || $rest == *"$2"* ]]; then
		say "not once in ${1##*/module/}: $2"
		return 1
	fi
	text=${text%"$2$rest"}$3$rest
	printf %s "${text%.}" >"$1"
}

fields() { # change: sets file, from, to, test
	local rest=$1$'\t'
	file=${rest%%$'\t'*} rest=${rest#*$'\t'}
	from=${rest%%$'\t'*} rest=${rest#*$'\t'}
	to=${rest%%$'\t'*} rest=${rest#*$'\t'}
	test=${rest%$'\t'}
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ ${1-} == --check ]]; then
	for each in "${changes[@]}"; do
		fields "$each"
		# cp would make the copy read-only, like Nix' store.
		cat "$repo/module/$file" >"$work/file"
		change "$work/file" "$from" "$to" || exit
		modules=${test%::*}
		grep -qs "fn ${test##*::}" "$repo/tests/suites/"*/"${modules//:://}.rs" || {
			say "no such test: $test"
			exit 1
		}
	done
	exit
fi

git clone --quiet "$repo" "$work/tree"
git -C "$repo" diff --binary HEAD | git -C "$work/tree" apply --allow-empty
cd "$work/tree"
numbers=("$@")
((${#numbers[@]})) || mapfile -t numbers < <(seq ${#changes[@]})
lived=()
for number in "${numbers[@]}"; do
	fields "${changes[number - 1]}"
	cp "module/$file" "$work/before"
	change "module/$file" "$from" "$to"
	if ! ci/nix build --no-link .#dmp >"$work/log" 2>&1; then
		tail -n 30 "$work/log" >&2
		say "change $number does not build: $file: $from"
		exit 1
	fi
	if ci/nix run .#try -- --no-fail-fast "$test" >"$work/log" 2>&1; then
		lived+=("$number")
		verdict=lived
	elif grep -q 'tests\? run: .* failed' "$work/log"; then
		verdict=caught
	else
		tail -n 30 "$work/log" >&2
		say "change $number could not be tried"
		exit 1
	fi
	printf '%s %d: %s: %s (%s)\n' "$verdict" "$number" "$file" "$from" "$test"
	cp "$work/before" "module/$file"
done
if ((${#lived[@]})); then
	say "lived: ${lived[*]}"
	exit 1
fi
