#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints the instructions, in millions, of programs that watch 1,000 devices, in the guest:
#
#   ci/nix run .#vm -- --tools --memory 2G --accel icount --script tests/bench/watchers.sh
#
# The devices measure latencies and have counted reads and writes. With icount the guest's time is the number of
# its instructions. With --copy prometheus-node-exporter, that program is scraped as well.
set -e

count=1000

# Prints the guest's time in microseconds. Nothing else runs in the guest.
now() {
	# busybox has the variable.
	# shellcheck disable=SC3028
	echo $((${EPOCHREALTIME%.*} * 1000000 + 1${EPOCHREALTIME#*.} - 1000000))
}

# Prints the instructions of a command, once the command has run before.
instructions() {
	"$@" >/dev/null
	began=$(now)
	for _ in 1 2 3 4; do
		"$@" >/dev/null
	done
	echo $((($(now) - began) / 4000))
}

# Prints the instructions of a process and of its ended children, in tens of millions.
ticks() { # PID
	read -r line <"/proc/$1/stat"
	# shellcheck disable=SC2086
	set -- ${line##*) }
	echo $((${12} + ${13} + ${14} + ${15}))
}

# Prints the instructions of the first report of a command, and of each later one.
reports() { # COMMAND..., to which the number of reports is appended
	"$@" 1 >/dev/null
	before=$(ticks $$)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$@" 1 >/dev/null
	done
	first=$(($(ticks $$) - before))
	before=$(ticks $$)
	"$@" 21 >/dev/null
	all=$(($(ticks $$) - before))
	echo "$first first, $(((all * 10 - first) / 20)) each later one: $*"
}

dmsetup create disk --table "0 $((count * 8)) linear /dev/vda 0"
for n in $(seq $count); do
	dmsetup create "volume$n" --table "0 8 dmp /dev/mapper/disk $((n * 8 - 8)) 1 latency"
	dd if="/dev/mapper/volume$n" of=/dev/null bs=4k count=1 iflag=direct
	dd if=/dev/zero of="/dev/mapper/volume$n" bs=4k count=1 oflag=direct
done 2>/dev/null

scrape() { # URL, options of wget
	url=$1
	shift
	wget -q -O /tmp/scrape "$@" "$url"
}

# Waits until an exporter answers.
await() { # URL
	for _ in $(seq 100); do
		! scrape "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	scrape "$1"
}

serve() { # options of export
	metrics=http://127.0.0.1:9999/metrics
	dmpstat export --listen 9999 "$@" &
	exporter=$!
	await "$metrics"
	plain=$(instructions scrape "$metrics")
	bytes=$(wc -c </tmp/scrape)
	series=$(grep -c -v '^#' /tmp/scrape)
	zipped=$(instructions scrape "$metrics" --header 'Accept-Encoding: gzip')
	small=$(wc -c </tmp/scrape)
	memory=$(sed -n 's/^VmHWM:[[:space:]]*//p' "/proc/$exporter/status")
	echo "$plain, with gzip $zipped: export $*: $bytes bytes, with gzip $small, $series series, $memory"
	kill $exporter
	wait $exporter || true
}
serve
serve --operations read,write --buckets 2
serve --by '^volume..'
serve --full

if [ -x /root/prometheus-node-exporter ]; then
	/root/prometheus-node-exporter --collector.disable-defaults --collector.diskstats \
		--web.listen-address=127.0.0.1:9100 >/dev/null 2>&1 &
	exporter=$!
	metrics=http://127.0.0.1:9100/metrics
	await "$metrics"
	plain=$(instructions scrape "$metrics")
	memory=$(sed -n 's/^VmHWM:[[:space:]]*//p' "/proc/$exporter/status")
	echo "$plain: node_exporter: $(wc -c </tmp/scrape) bytes, $(grep -c -v '^#' /tmp/scrape) series, $memory"
	kill $exporter
fi

reports dmpstat 1
reports dmpstat -x 1
reports iostat -x -d 1
dmsetup stats create --alldevices >/dev/null
reports dmsetup stats report --interval 1 --count
dmsetup stats delete --alldevices --allregions

# No device is busy, then a tenth of them, then all.
for busy in 0 $((count / 10)) $count; do
	dmpstat record -i 1 -o "/tmp/recording$busy" 2>/dev/null &
	recorder=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		for n in $(seq "$busy"); do
			dd if="/dev/mapper/volume$n" of=/dev/null bs=4k count=1 iflag=direct
		done 2>/dev/null
		sleep 2
	done
	used=$(ticks $recorder)
	kill $recorder
	wait $recorder || true
	bytes=$(wc -c <"/tmp/recording$busy")
	samples=$(dmpstat -j -o r/s -f "/tmp/recording$busy" | wc -l)
	echo "$((used * 10 / samples)) each of $samples samples: record, $busy devices busy, $bytes bytes"
done
