#!/usr/bin/env bash
# Tests that the scripts of the package dmpstat succeed with any part of systemd and udev missing or failing:
# neither is needed to install or remove the package.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/ci/deb/dmpstat
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/run" "$work/bin"
for script in postinst prerm postrm; do
	# One copy finds a running systemd, the other none.
	sed "s|/run/systemd/system|$work/run|g" "$scripts/$script" >"$work/$script-systemd"
	sed "s|/run/systemd/system|$work/none|g" "$scripts/$script" >"$work/$script-chroot"
done

programs=(deb-systemd-helper deb-systemd-invoke systemctl udevadm dmpstat)
# Makes programs that exit with a status, or are missing.
stand_ins() { # status or "missing", programs
	local program
	for program in "${@:2}"; do
		rm -f "$work/bin/$program"
		[[ $1 != missing ]] || continue
		# A unit of an earlier version exists.
		# shellcheck disable=SC2016
		printf '#!%s\n%s\nexit %s\n' "$BASH" \
			'[[ $1 != list-units ]] || echo "dmp-attach@dm-3:7.service loaded active"' "$1" >"$work/bin/$program"
		chmod +x "$work/bin/$program"
	done
}

succeeds() { # the set-up
	local script words status
	for script in "postinst configure" "postinst configure 0.0.1" "postinst abort-remove" \
		"prerm upgrade 9" "prerm remove" "postrm remove" "postrm purge"; do
		read -ra words <<<"$script"
		for kind in systemd chroot; do
			status=0
			env -i PATH="$work/bin" "$BASH" "$work/${words[0]}-$kind" "${words[@]:1}" >/dev/null 2>&1 || status=$?
			((status == 0)) || {
				echo "maintainer-scripts.sh: $script ($kind) exits with $status; set-up: $1" >&2
				exit 1
			}
		done
	done
}

# The unit was enabled before, but everything else fails.
stand_ins 1 "${programs[@]}"
# shellcheck disable=SC2016
sed -i '2i [[ $* != *was-enabled* ]] || exit 0' "$work/bin/deb-systemd-helper"
succeeds "only deb-systemd-helper was-enabled succeeds"

for status in 0 1 127 missing; do
	stand_ins "$status" "${programs[@]}"
	succeeds "all exit: $status"
	for program in "${programs[@]}"; do
		stand_ins 0 "${programs[@]}"
		stand_ins "$status" "$program"
		succeeds "$program exits: $status"
	done
done
