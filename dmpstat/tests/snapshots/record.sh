#!/bin/sh
# Records these files: creates devices, sends requests, and prints the module's snapshots one after the other.
# In the test machine, with each kernel:
#
#   ci/nix run .#vm -- --script dmpstat/tests/snapshots/record.sh
#   ci/nix run .#vm-latest -- --script dmpstat/tests/snapshots/record.sh
set -e

data=/dev/mapper/vg-data
dmsetup create vg-data --uuid LVM-0123 --table '0 65536 dmp /dev/vda 0 1 latency'
dd if=$data of=/dev/null bs=4k count=500 iflag=direct status=none
dd if=$data of=/dev/null bs=64k count=20 iflag=direct status=none
dd if=/dev/zero of=$data bs=16k count=100 oflag=direct status=none
dd if=/dev/zero of=$data bs=4k count=1 conv=fsync status=none

dmsetup create bad --table '0 2048 error'
dmsetup create fails --table '0 2048 dmp /dev/mapper/bad 0 1 latency'
for _ in 1 2 3; do
	if dd if=/dev/mapper/fails of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null; then
		exit 1
	fi
done

dmsetup create plain --table '0 65536 dmp /dev/vda 0'
dd if=/dev/mapper/plain of=/dev/null bs=8k count=3 iflag=direct status=none

hostile=$(printf 'a"b\\ \n\377\303\251 c')
dmsetup create --manglename none "$hostile" --table '0 2048 dmp /dev/vda 0 1 latency'
longest=$(head -c 127 /dev/zero | tr '\0' n)
dmsetup create --manglename none "$longest" --table '0 2048 dmp /dev/vda 0'

for device in dm-0:latency dm-2:errors dm-3:plain dm-4:hostile dm-5:longest; do
	echo "=== ${device#*:}"
	cat "/sys/module/dmp/stat/${device%:*}/snapshot"
done
