# Checks and notes of the booted Debian's tests.
# shellcheck shell=bash disable=SC2154

# Counts the command as passed if it succeeds, and otherwise prints its output: `check WHAT COMMAND...`
check() {
	local what=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "ok: $what"
		echo "$what" >>"$state/passed"
	else
		echo "FAILED: $what"
		printf '    %s\n' "${said//$'\n'/$'\n'    }"
		echo "$what" >>"$state/failed"
	fi
}

# Prints a command's output, on which no test depends: `note WHAT COMMAND...`
note() {
	echo "$1:"
	shift
	"$@" 2>&1 | sed 's/^/    /'
}

equal() {
	[[ $1 == "$2" ]] || {
		printf 'is:\n%s\nand not:\n%s\n' "$1" "$2"
		return 1
	}
}

# Repeats the command until it succeeds, for two minutes, or for `within` seconds.
soon() {
	local end=$((SECONDS + ${within:-120}))
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.5
	done
}

fails() {
	! "$@"
}

# Succeeds if the command succeeds and prints nothing to standard error.
silent() {
	local said
	said=$("$@" 2>&1 >/dev/null) && equal "$said" ""
}

as_nobody() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}

no_failed_unit() {
	local unit
	systemctl is-system-running --wait || {
		for unit in $(systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1); do
			systemctl status --no-pager --full --lines=20 "$unit"
		done
		return 1
	}
}
