# SPDX-License-Identifier: GPL-2.0
#
# Prints the longest wait of a request while a volume's table is exchanged, in the guest's microseconds:
#
#   ci/nix run .#vm -- --tools --accel icount --script tests/bench/standstill.sh
#
# The volume is over a disk whose requests take 100 us each; fio keeps 16 of them in flight. The result is the
# slowest request of fifty exchanges. There is a pause for requests between two exchanges, because a request
# during the first could wait for the second as well. With icount the guest's time is the number of its
# instructions.
set -e

modprobe null_blk gb=1 irqmode=2 completion_nsec=100000
linear="0 2097152 linear /dev/nullb0 0"
dmsetup create volume --table "$linear"

# Prints the duration of the slowest request while $1 runs fifty times.
slowest() {
	fio --name=load --filename=/dev/mapper/volume --rw=randrw --bs=4k --direct=1 --ioengine=libaio \
		--iodepth=16 --norandommap --randrepeat=1 --time_based --runtime=600 \
		--output-format=terse --terse-version=3 --output=/run/fio >/dev/null 2>&1 &
	fio=$!
	sleep 0.3
	for _ in $(seq 50); do
		$1 >/dev/null 2>&1
		usleep 5000
	done
	kill -INT $fio
	wait $fio || true
	awk -F ';' 'NF > 56 { print ($15 > $56 ? $15 : $56) }' /run/fio
}

nothing() { :; }
linear() {
	dmsetup load volume --table "$linear" && dmsetup resume volume
}
attach_and_detach() {
	dmpstat attach volume && usleep 5000 && dmpstat detach volume
}

printf '%-7s%10s%20s%20s\n' round nothing "linear to linear" "attach and detach"
for round in 1 2; do
	printf '%-7s%10s%20s%20s\n' "$round" "$(slowest nothing)" "$(slowest linear)" \
		"$(slowest attach_and_detach)"
done
dmsetup remove volume
