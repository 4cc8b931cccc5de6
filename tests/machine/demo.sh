# SPDX-License-Identifier: GPL-2.0
#
# The tour of dmp, which runs in the guest: dmp-vm --script tests/machine/demo.sh
# Exits with status 0 if the counters agree with dd's numbers.

stat=/sys/module/dmp/stat

# Prints a command with a prompt, and runs it.
run() {
	printf '\n$ %s\n' "$1"
	eval "$1" 2>&1 || {
		echo "demo: the command failed" >&2
		exit 1
	}
}

say() { printf '\n%s\n' "$*"; }

wrong=0
# Prints a line of the comparison: a name, dd's number, and the file with the number to compare.
agrees() {
	counted=$(cat "$stat/$device/$3")
	verdict=agrees
	[ "$2" = "$counted" ] || verdict=DIFFERS wrong=1
	printf '  %-20s %8s %8s  %s\n' "$1" "$2" "$counted" "$verdict"
}

say "A device of the dmp target over the virtio disk /dev/vda, 64 MiB:"
run 'dmsetup create demo --table "0 131072 dmp /dev/vda 0"'
device=dm-$(dmsetup info -c --noheadings -o minor demo)

say "100 writes and 500 reads of 4 KiB through it, past the page cache:"
run 'dd if=/dev/zero of=/dev/mapper/demo bs=4k count=100 oflag=direct'
run 'dd if=/dev/mapper/demo of=/dev/null bs=4k count=500 iflag=direct'

say "The counters of $device, compared with dd's numbers:"
run "cat $stat/volumes"
run "ls $stat/$device"
run "grep . $stat/$device/name $stat/$device/*/requests"

say "                            dd  counted"
agrees "reads" 500 read/requests
agrees "bytes read" $((500 * 4096)) read/bytes
agrees "average read" 4096 read/avg_size
agrees "writes" 100 write/requests
agrees "bytes written" $((100 * 4096)) write/bytes
agrees "average write" 4096 write/avg_size

say "dmpstat's report since the creation of the device, and the sizes of the requests:"
run 'dmpstat demo'
run 'dmpstat hist size demo'

say "The device and the module are removed without a trace:"
run 'dmsetup remove demo'
run 'rmmod dmp'
run 'test ! -e /sys/module/dmp'

if [ $wrong != 0 ]; then
	say "The counters do NOT agree with dd's numbers."
	exit 1
fi
say "The counters agree with dd's numbers."
