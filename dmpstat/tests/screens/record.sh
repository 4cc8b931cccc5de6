#!/bin/sh
# Records recording.dmpstat, and prints it in base64: a disk turns slow, and then some of its reads fail. In
# the test machine:
#
#   ci/nix run .#vm -- --tools --script dmpstat/tests/screens/record.sh |
#     base64 -d >dmpstat/tests/screens/recording.dmpstat
set -e

hostname storage-1
modprobe dm-delay
modprobe dm-dust
dmsetup create delayed --table '0 65536 delay /dev/vda 0 0'
dmsetup create disk --table '0 65536 dust /dev/mapper/delayed 0 512'
dmsetup message disk 0 addbadblock 100
dmsetup create vg-data --table '0 65536 dmp /dev/mapper/disk 0 2 latency pattern'
dmsetup create vg-log --table '0 65536 dmp /dev/vdb 0 1 latency'

dmpstat record -o /tmp/recording 2>/dev/null &
recorder=$!

load() { # seconds
	end=$(($(date +%s) + $1))
	while [ "$(date +%s)" -lt "$end" ]; do
		dd if=/dev/mapper/vg-data of=/dev/null bs=4k count=40 iflag=direct
		dd if=/dev/mapper/vg-data of=/dev/null bs=64k count=4 skip=100 iflag=direct
		dd if=/dev/zero of=/dev/mapper/vg-data bs=16k count=10 oflag=direct conv=notrunc
		dd if=/dev/zero of=/dev/mapper/vg-log bs=4k count=5 oflag=direct conv=notrunc,fsync
		sleep 0.1
	done 2>/dev/null || :
}

load 12
dmsetup reload disk --table '0 65536 dust /dev/mapper/delayed 0 512'
dmsetup reload delayed --table '0 65536 delay /dev/vda 0 20'
dmsetup suspend disk
dmsetup resume delayed
dmsetup resume disk
load 12
dmsetup message disk 0 addbadblock 100
dmsetup message disk 0 enable >/dev/null
load 6
dmsetup message vg-log 0 reset
load 6

kill "$recorder"
wait "$recorder" || :
base64 /tmp/recording
