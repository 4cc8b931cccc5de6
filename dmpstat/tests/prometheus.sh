#!/usr/bin/env bash
# Lets a real Prometheus scrape an exporter while requests pass through a device, and compares its results
# with the module's counts.
#
#   prometheus.sh ADDRESS DEVICE COMMAND...
#
# The exit status is 0 if all agrees. The test machine has no bash and no Prometheus, so it needs a folder of
# bash, prometheus, promtool, their libraries besides the C library, queries.yml and this file:
#
#   ci/nix run .#vm -- --tools --memory 3G --cpus 2 --copy FOLDER -- sh -c '
#     cd FOLDER && export PATH=$PWD:$PATH LD_LIBRARY_PATH=$PWD &&
#     dmsetup create d --table "0 131072 dmp /dev/vda 0 1 latency" &&
#     { dmpstat export --listen 10367 & } &&
#     bash prometheus.sh 127.0.0.1:10367 dm-0 fio --name=r --filename=/dev/mapper/d --direct=1 \
#       --rw=randread --runtime=10 --time_based --output=/dev/null'
#
# ADDRESS is that of a running "dmpstat export --listen ADDRESS"; DEVICE is dm-N, with latencies measured;
# COMMAND reads from it for some seconds. COMMAND runs twice, with a reset between. Nothing else may use the
# device. prometheus, promtool and dmpstat come from PATH. DMPSTAT_ROOT has the same meaning as for dmpstat.
set -euo pipefail

if (($# < 3)); then
	echo "usage: prometheus.sh ADDRESS DEVICE COMMAND..." >&2
	exit 2
fi
address=$1 device=$2
shift 2
files=${DMPSTAT_ROOT-}/sys/module/dmp/stat/$device

scratch=$(mktemp -d)
server=
# shellcheck disable=SC2317  # The trap calls it.
finish() {
	[[ -z $server ]] || kill "$server" 2>/dev/null || true
	wait
	rm -rf "$scratch"
}
trap finish EXIT

wrong=0
# Prints a comparison: its subject, both values, and the result of a command that succeeds if they agree.
compare() {
	local what=$1 theirs=$2 ours=$3
	shift 3
	local verdict=agrees
	if ! "$@"; then
		verdict=DIFFERS
		wrong=1
	fi
	printf '%-44s %22s %22s  %s\n' "$what" "$theirs" "$ours" "$verdict"
}

# Tests a condition on numbers.
holds() { awk "BEGIN { exit !($1) }"; }

# Prints the exporter's page in this media type.
page() {
	local socket
	exec {socket}<>"/dev/tcp/${address%:*}/${address##*:}"
	printf 'GET /metrics HTTP/1.0\r\nAccept: %s\r\n\r\n' "$1" >&"$socket"
	sed $'1,/^\r$/d' <&"$socket"
	exec {socket}>&-
}

promtool test rules "$(dirname "${BASH_SOURCE[0]}")/queries.yml"

port=19090
url=http://127.0.0.1:$port
cat >"$scratch/prometheus.yml" <<END
scrape_configs:
  - job_name: dmp
    scrape_interval: 1s
    static_configs:
      - targets: ["$address"]
END
promtool check config "$scratch/prometheus.yml" >/dev/null
prometheus --config.file "$scratch/prometheus.yml" --storage.tsdb.path "$scratch/data" \
	--web.listen-address "127.0.0.1:$port" >"$scratch/log" 2>&1 &
server=$!

# Prints the value of an expression, or nothing if it has none.
query() {
	promtool query instant "$url" "$1" 2>/dev/null | sed -nE 's/.*=> (.*) @\[.*/\1/p'
}

# Waits for a scrape that begins after this call.
scraped() {
	local now=$EPOCHREALTIME
	for ((tries = 0; tries < 120; tries++)); do
		if holds "$(query 'timestamp(up{job="dmp"}) and up{job="dmp"} == 1')+0 > $now"; then
			return
		fi
		sleep 0.5
	done
	echo "prometheus.sh: Prometheus has not scraped $address in a minute; its log:" >&2
	cat "$scratch/log" >&2
	exit 1
}

# Print the module's counts: the number of reads, and their latencies as bound:count each.
requests() { sed -nE 's/^read requests ([0-9]+).*/\1/p' "$files/snapshot"; }
latencies() { sed -nE 's/^read latencies ?//p' "$files/snapshot"; }

# Prints the lower and the upper bound of the bucket with the quantile, in nanoseconds.
bucket() {
	latencies | tr ' ' '\n' | awk -F: -v quantile="$1" '
		NF == 2 { bound[NR] = $1; count[NR] = $2; all += $2; last = NR }
		END {
			for (i = 1; i <= last; i++) {
				below += count[i]
				if (below >= quantile * all)
					break
			}
			if (bound[i] == "inf")
				print 68719476736, 68719476736
			else
				print bound[i] == 1024 ? 0 : bound[i] / 2, bound[i]
		}'
}

for form in 'text/plain' 'application/openmetrics-text'; do
	page "$form" >"$scratch/page"
	compare "bytes of $form" "$(wc -c <"$scratch/page")" '>0' test -s "$scratch/page"
done
page text/plain | promtool check metrics
for buckets in 0 1 2 8; do
	dmpstat export --buckets "$buckets" | promtool check metrics
	dmpstat export --buckets "$buckets" --operations read,write "$device" | promtool check metrics
done
echo 'promtool check metrics says nothing of any output'

scraped
info=$(query "count(dmp_volume_info{device=\"$device\"})")
compare 'volumes of that number' "$info" 1 test "$info" = 1
# Prints the expression of a series of the device, or of a function of the series over five minutes. Only the
# information series has the device's number.
of() {
	local series="$1{operation=\"read\"}"
	[[ -z ${2-} ]] || series="$2(${series}[5m])"
	echo "($series * on(instance, name) group_left() dmp_volume_info{device=\"$device\"})"
}

echo 1 >"$files/reset"
scraped
created=$(query "max($(of dmp_requests_created))")

"$@"
scraped
first=$(requests)
theirs=$(query "max($(of dmp_requests_total))")
compare 'reads' "$theirs" "$first" test "$theirs" = "$first"
theirs=$(query "max($(of dmp_request_bytes_total))")
ours=$(sed -nE 's/^read requests.* bytes ([0-9]+) .*/\1/p' "$files/snapshot")
compare 'bytes read' "$theirs" "$ours" holds "$theirs == $ours"
for quantile in 0.5 0.9 0.99 0.999; do
	read -r lower upper <<<"$(bucket "$quantile")"
	for histogram in \
		"$(of dmp_request_duration_seconds_bucket)" \
		"$(of dmp_request_duration_seconds_bucket rate)"; do
		theirs=$(query "1e9 * histogram_quantile($quantile, sum by (le) ($histogram))")
		compare "quantile $quantile, ns" "$theirs" "$lower to $upper" \
			holds "$theirs >= $lower * (1 - 1e-9) && $theirs <= $upper * (1 + 1e-9)"
	done
done

echo 1 >"$files/reset"
reset=$(date +%s)
scraped
theirs=$(query "max($(of dmp_requests_created))")
compare 'counting began' "$theirs" "$reset" holds "$theirs > $created && $theirs - $reset < 2 && $theirs - $reset > -2"
"$@"
scraped
second=$(requests)
resets=$(query "max($(of dmp_requests_total resets))")
compare 'resets' "$resets" '1 or more' holds "$resets >= 1"
# Prometheus extrapolates an increase by up to half an interval before and after.
theirs=$(query "max($(of dmp_requests_total increase))")
all=$((first + second))
compare 'increase over the reset' "$theirs" "$all" holds "$theirs >= $all && $theirs < 1.2 * $all"

exit "$wrong"
