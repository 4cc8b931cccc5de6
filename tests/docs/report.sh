#!/usr/bin/env bash
# Makes the page of a recording in which a disk turns slow half way, and a picture of the page.
set -euo pipefail

usage() {
	echo "Makes the page of a recording in which a disk turns slow half way, and a picture of it."
	echo
	echo "Usage: tests/docs/report.sh PAGE.html [PICTURE.png]"
	echo
	echo "Environment: DMP_VM    the machine's program (default: ci/nix run .#vm --)"
	echo "             SECONDS_EACH    the time with a fast and with a slow disk (default: 30)"
	echo "             DELAY_MS    the delay of the slow disk (default: 30)"
	echo "             CHROMIUM    the browser that takes the picture (default: chromium)"
}

case "${1-}" in
-h | --help)
	usage
	exit
	;;
"")
	usage >&2
	exit 2
	;;
esac
page=$1 picture=${2-}
each=${SECONDS_EACH:-30} delay=${DELAY_MS:-30}

# Requests pause in between, so that the host has time for others.
read -ra machine <<<"${DMP_VM:-ci/nix run .#vm --}"
"${machine[@]}" --tools -- sh -c "
	hostname storage-1 && modprobe dm-delay &&
	dmsetup create disk --table '0 65536 delay /dev/vdb 0 0' &&
	dmsetup create vg-data --table '0 65536 dmp /dev/mapper/disk 0 1 latency' || exit
	dmpstat record -o /tmp/night & recorder=\$!
	end=\$((\$(date +%s) + 2 * $each))
	while [ \$(date +%s) -lt \$end ]; do
		dd if=/dev/mapper/vg-data of=/dev/null bs=4k count=20 iflag=direct
		dd if=/dev/zero of=/dev/mapper/vg-data bs=64k count=5 oflag=direct
		sleep 0.1
	done 2>/dev/null & load=\$!
	sleep $each
	dmsetup reload disk --table '0 65536 delay /dev/vdb 0 $delay' && dmsetup resume disk || exit
	wait \$load
	kill \$recorder && wait \$recorder
	dmpstat report /tmp/night" >"$page"

if [ -n "$picture" ]; then
	browser=${CHROMIUM:-chromium}
	command -v "$browser" >/dev/null || {
		echo "report.sh: no $browser: install it, or name a browser of its family in CHROMIUM" >&2
		exit 1
	}
	"$browser" --headless --no-sandbox --hide-scrollbars --force-color-profile=srgb \
		--window-size=1000,868 --screenshot="$picture" "file://$(realpath "$page")"
fi
