# Loops that take too long for CI: `debian-machine --long`. Each works in a group of its own, long, on /dev/vdb.
# shellcheck shell=bash disable=SC2154

# Makes the group without listing its volumes. Takes options and further disks.
make_long() {
	: >/etc/dmp/attach.conf
	vgcreate -q long /dev/vdb "$@"
}

remove_long() {
	: >/etc/dmp/attach.conf
	vgremove -q -y long && wipefs -q -a /dev/vdb && quiet && none_hidden && no_cookie
}

no_cookie() {
	equal "$(dmsetup udevcookies | tail -n +2)" ""
}

# Calls a function with the number of the round, until it fails.
times() {
	local n count=$1
	shift
	for ((n = 1; n <= count; n++)); do
		"$@" "$n" || {
			echo "in round $n: $*"
			return 1
		}
	done
}

within_a_minute() {
	timeout 60 "$@"
}

thin_round() {
	silent within_a_minute lvchange -q -an long/thin && no_hidden &&
		silent within_a_minute lvchange -q -ay long/thin && within_a_minute dmpstat attach long/thin &&
		silent within_a_minute lvextend -q -l +1 long/thin && no_hidden
}

thin_rounds() {
	# The sum of the sizes stays below the pool's, so LVM does not warn.
	make_long && lvcreate -q -y --type thin -L 900M -V 4M --thinpool pool -n thin long &&
		times "${rounds:-200}" thin_round && dmpstat attach long/thin && silent lvremove -q -y long/thin && remove_long
}

cookie_round() {
	within_a_minute lvcreate -q -y -Wn -Zn -l 1 -n "data$1" long &&
		within_a_minute lvchange -q -an "long/data$1" && within_a_minute lvchange -q -ay "long/data$1" &&
		within_a_minute lvextend -q -l +1 "long/data$1" && within_a_minute lvremove -q -y "long/data$1"
}

# Extends and removes listed volumes right after their creation, so the unit meets volumes that change and
# disappear.
cookie_rounds() {
	make_long && echo 'long/*' >/etc/dmp/attach.conf && times "${rounds:-200}" cookie_round && remove_long
}

in_and_out_once() {
	dmpstat attach long/data && attached long-data && dmpstat detach long/data && fails attached long-data
}

# Attaches and detaches a volume under a load that verifies its reads.
under_fio() {
	local status=0 fio
	fio --name=load --filename=/dev/long/data --direct=1 --rw=randrw --bs=4k --ioengine=libaio --iodepth=8 \
		--verify=crc32c --verify_fatal=1 --verify_backlog=64 --time_based --runtime=3600 \
		--output=/root/fio.log &
	fio=$!
	times "${rounds:-30}" in_and_out_once || status=1
	kill -INT "$fio"
	wait "$fio"
	if ((status != 0)) || ! grep -q 'err= 0' /root/fio.log || grep -qi 'verify.*fail\|bad magic' /root/fio.log; then
		cat /root/fio.log
		return 1
	fi
	none_hidden
}

fio_linear() {
	make_long && lvcreate -q -y -L 64M -n data long && under_fio && remove_long
}

fio_thin() {
	make_long && lvcreate -q -y --type thin -L 128M -V 64M --thinpool pool -n data long && under_fio && remove_long
}

fio_striped() {
	make_long /dev/vdc && lvcreate -q -y -i 2 -L 64M -n data long && under_fio && remove_long
}

fio_mixed() {
	make_long /dev/vdc && lvcreate -q -y -i 2 -L 64M -n data long && lvextend -q -i 1 -L +16M long/data &&
		under_fio && remove_long
}

count_attached() {
	cat /sys/module/dmp/stat/dm-*/snapshot 2>/dev/null | grep -c '^lines [1-9]'
}

all_attached() {
	(($(count_attached) == $1))
}

# Prints the processor time of the unit in ms.
unit_time() {
	local time
	time=$(systemctl show -P CPUUsageNSec dmp-attach.service)
	echo $((${time/\[not set\]/0} / 1000000))
}

# Reads a counter repeatedly. Prints the largest value.
largest() {
	local value most=0 n
	for ((n = 0; n < 2000; n++)); do
		read -r value <"$1" || return
		((value <= most)) || most=$value
	done
	echo "$most"
}

# Compares inflight with the depth of a load. The kernel has a counter for each possible processor.
inflight_of_many() {
	local fio most started took status=0
	equal "$(cat /sys/devices/system/cpu/possible)" 0-511 && make_long && lvcreate -q -y -L 64M -n data long &&
		dmpstat attach long/data && dmpstat latency on long/data || return
	fio --name=load --filename=/dev/long/data --direct=1 --rw=randread --bs=4k --ioengine=libaio --iodepth=8 \
		--numjobs=2 --time_based --runtime=3600 >/root/fio.log &
	fio=$!
	soon load_runs
	started=${EPOCHREALTIME/./}
	most=$(largest "/sys/module/dmp/stat/$(dm long-data)/read/inflight") || status=1
	took=$((${EPOCHREALTIME/./} - started))
	kill -INT "$fio"
	wait "$fio"
	echo "inflight is at most $most of 16; 2,000 reads of it take $((took / 1000)) ms" >>"$state/figures"
	((status == 0 && most > 0 && most <= 16)) && equal "$(counter long-data read/inflight)" 0 &&
		dmpstat detach long/data && remove_long
}

load_runs() {
	(($(counter long-data read/inflight) > 0))
}

# Makes and removes a dmp device, twenty times. Prints the duration in ms.
make_and_remove() {
	local started=${EPOCHREALTIME/./} n
	for ((n = 0; n < 20; n++)); do
		silent dmsetup create other --table '0 2048 dmp /dev/vdc 0' && silent dmsetup remove --retry other || return
	done
	echo $(((${EPOCHREALTIME/./} - started) / 1000))
}

readers_run() {
	# 1 % of a processor is 1 ms in each period of 100 ms.
	(($(sed -n 's/^nr_throttled //p' /sys/fs/cgroup/system.slice/readers.service/cpu.stat) > 20))
}

# Compares the time to make and remove devices with and without throttled readers of another device's files.
# If each command waited for a throttled reader, the forty would take at least four seconds longer.
throttled_readers() {
	local alone beside
	# shellcheck disable=SC2016
	make_long && lvcreate -q -y -L 64M -n data long && dmpstat attach long/data && dmpstat latency on long/data &&
		make_and_remove >/dev/null && alone=$(make_and_remove) &&
		systemd-run -q --unit=readers -p CPUQuota=1% bash -c '
			for ((n = 0; n < 8; n++)); do
				while :; do cat /sys/module/dmp/stat/{volumes,"$0"/*,"$0"/*/*} >/dev/null 2>&1; done &
			done
			wait' "$(dm long-data)" && soon readers_run && beside=$(make_and_remove) || return
	readers_run && systemctl stop readers || return
	echo "20 devices made and removed: $alone ms; beside readers with 1 % of a processor: $beside ms" >>"$state/figures"
	((beside < alone + 2000)) && dmpstat detach long/data && remove_long
}

# Makes 1,000 volumes at once, with metadata generated from one volume's: lvcreate would rewrite all metadata
# for each volume.
make_thousand() {
	pvcreate -q --metadatasize 32M /dev/vdb && make_long -s 64k && lvcreate -q -an -Zn -Wn -l 1 -n data1 long &&
		vgcfgbackup -q -f /root/one long && awk '
			/^\t\tdata1 {/ { inside = 1 }
			!inside { print; next }
			{ section = section $0 "\n" }
			/^\t\t}/ {
				inside = 0
				for (n = 1; n <= 1000; n++) {
					volume = section
					sub(/data1 {/, "data" n " {", volume)
					sub(/.{6}"\n\t\t\tstatus/, sprintf("%06d\"\n\t\t\tstatus", n), volume)
					sub(/"pv0", 0/, "\"pv0\", " n - 1, volume)
					printf "%s", volume
				}
			}' /root/one >/root/thousand && vgcfgrestore -q -f /root/thousand long
}

# Attaches 1,000 volumes after a deactivation and activation. The time counts from LVM's exit.
thousand() {
	local started took status=0
	make_thousand && echo 'long/*' >/etc/dmp/attach.conf && vgchange -q -ay long && vgchange -q -an long &&
		vgchange -q -ay long || return
	started=$SECONDS
	within=600 soon all_attached 1000 || {
		count_attached
		return 1
	}
	took=$((SECONDS - started))
	echo "1,000 volumes are attached after $took s" >>"$state/figures"
	((took < 60)) && quiet || status=1
	wait_for_lvm && return "$status"
}

# Measures the unit while it waits for LVM's lock.
waits_idly() {
	local before used
	exec 9>>/run/lock/lvm/V_long
	flock 9
	udevadm trigger --action=change /dev/long/data1
	sleep 2
	before=$(unit_time)
	sleep 20
	used=$(($(unit_time) - before))
	exec 9>&-
	echo "waiting for LVM takes $used ms in 20 s" >>"$state/figures"
	((used < 2000))
}

# Makes the unit wait for the group: LVM's own reload has detached the volume.
wait_for_lvm() {
	dmsetup suspend long-data1 && dmsetup resume long-data1 && waits_idly
}

# Waits for the events of each trigger, because otherwise udev would work for minutes after the loops on an
# emulated processor.
trigger_loop() {
	while [[ -e $state/loop ]]; do
		udevadm trigger --settle --subsystem-match=block --sysname-match='dm-*'
	done
}

# Runs a command while loops trigger udev's rules.
while_triggering() {
	local n count=$1 status=0
	shift
	touch "$state/loop"
	for ((n = 0; n < count; n++)); do
		trigger_loop &
	done
	"$@" || status=1
	rm "$state/loop"
	wait
	return "$status"
}

after_triggers() {
	local n
	make_long && echo 'long/*' >/etc/dmp/attach.conf && for n in {1..20}; do
		echo "lvcreate -q -Zn -Wn -l 1 -n data$n long"
	done | lvm >/dev/null && soon all_attached 20 && while_triggering 10 sleep 60 &&
		lvcreate -q -Zn -Wn -l 1 -n late long && within=10 soon attached long-late && quiet && remove_long
}

after_closes() {
	make_long && echo 'long/*' >/etc/dmp/attach.conf && lvcreate -q -Zn -Wn -l 1 -n busy long &&
		lvcreate -q -Zn -Wn -l 1 -n other long && soon all_attached 2 && close_often /dev/long/busy 2000 &&
		lvextend -q -l +1 long/other && within=10 soon attached long-other && quiet && remove_long
}

# Extends the volume fifty times in a mount namespace with LVM locks of its own, as in a container. Prints the
# number of failed extensions: a table that LVM has loaded can be lost, but not LVM's size.
extend_apart() {
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t tmpfs tmpfs /run/lock/lvm
		for n in $(seq 50); do timeout 60 lvextend -q -l +1 long/data >/dev/null || echo failed; done' |
		grep -c failed
}

attach_loop() {
	while [[ -e $state/loop ]]; do
		dmpstat attach long/data
		dmpstat detach long/data
	done >/dev/null 2>&1
}

beside_container() {
	make_long && lvcreate -q -y -l 1 -n data long || return
	touch "$state/loop"
	attach_loop &
	echo "of 50 extensions in a container failed: $(extend_apart)" >>"$state/figures"
	rm "$state/loop"
	wait
	dmsetup info -c -o name,tables_loaded,suspended && dmsetup table && lvs long
	equal "$(dmsetup info -c --noheadings -o tables_loaded,suspended long-data)" "Live:Active" &&
		equal "$(blockdev --getsize64 /dev/long/data)" \
			"$(lvs --noheadings --nosuffix --units b -o lv_size long/data | xargs)" && remove_long
}

slow_round() {
	dmpstat attach slow/data && mountpoint -q /srv && readlink -e "$1" >/dev/null &&
		dmpstat detach slow/data && mountpoint -q /srv && readlink -e "$1" >/dev/null && touch "/srv/$2"
}

slow_rounds() {
	times "${rounds:-30}" slow_round "$1" && systemctl is-active --quiet srv.mount
}

# Attaches and detaches a mounted volume over a slow disk, while udev's rules run for all devices.
mounted_over_delay() {
	local link
	# The delayed device begins at an offset, so that LVM finds the group once.
	dmsetup create delayed --table "0 $(($(blockdev --getsz /dev/vdd) - 2048)) delay /dev/vdd 2048 20" &&
		vgcreate -q slow /dev/mapper/delayed && lvcreate -q -y -L 32M -n data slow && mkfs.ext4 -q /dev/slow/data &&
		link=/dev/disk/by-uuid/$(blkid -o value -s UUID /dev/slow/data) &&
		echo '/dev/slow/data /srv ext4 noauto 0 0' >>/etc/fstab && systemctl daemon-reload &&
		systemctl start srv.mount && while_triggering 1 slow_rounds "$link" && systemctl stop srv.mount &&
		vgremove -q -y slow && dmsetup remove --retry delayed && wipefs -q -a /dev/vdd && quiet
}

without_udev_rules() {
	local none='activation { udev_rules=0 udev_sync=0 }'
	make_long && echo long/data >/etc/dmp/attach.conf && lvcreate -q -an -Zn -Wn -l 1 -n data long &&
		lvchange -q -ay --config "$none" long/data && quiet && dmpstat attach --all && attached long-data &&
		lvchange -q -an --config "$none" long/data && remove_long
}

# Makes a filesystem with dmpstat and its libraries, and swap, on attached volumes: dmpstat's own memory is on
# the volumes that it exchanges.
make_own_root() {
	local file
	make_long && lvcreate -q -y -L 256M -n root long && lvcreate -q -y -L 512M -n swap long &&
		mkfs.ext4 -q /dev/long/root && mount /dev/long/root /srv && mkswap -q /dev/long/swap &&
		swapon /dev/long/swap && for file in /usr/bin/dmpstat $(ldd /usr/bin/dmpstat | grep -o '/[^ )]*'); do
		install -D "$file" "/srv$file" || return
	done && for file in dev proc sys run run/lock etc; do
		mkdir -p "/srv/$file" && mount --bind --make-private "/$file" "/srv/$file" || return
	done
}

# Fills the memory, and drops all file pages, while the loop runs.
press() {
	while [[ -e $state/loop ]]; do
		timeout 20 tail -c 2000M /dev/zero >/dev/null
		echo 3 >/proc/sys/vm/drop_caches
	done
}

pressed_round() {
	local pid
	exec 9>>/run/lock/lvm/V_long
	flock 9
	timeout 120 chroot /srv /usr/bin/dmpstat attach long/root long/swap 9>&- &
	pid=$!
	sleep 4
	exec 9>&-
	wait "$pid" && attached long-root && attached long-swap && sync -f /srv &&
		timeout 120 chroot /srv /usr/bin/dmpstat detach long/root long/swap
}

short_of_memory() {
	local status=0
	make_own_root || return
	touch "$state/loop"
	press &
	times "${rounds:-10}" pressed_round || status=1
	rm "$state/loop"
	wait
	swapoff /dev/long/swap && soon umount -R /srv && ((status == 0)) && remove_long
}

# Runs one test if it is selected, prints its duration, and cleans up after a failed one.
timed() {
	local started=$SECONDS wanted
	wanted=" $(cat /root/long) "
	[[ $wanted == "  " || $wanted == *" $2 "* ]] || return 0
	check "$@"
	echo "    after $((SECONDS - started)) s"
	{
		rm -f "$state/loop"
		swapoff -a
		umount -R -l /srv
		dmsetup resume long-data
		vgremove -q -f -y long slow
		dmsetup remove --retry delayed
		wipefs -q -f -a /dev/vdb /dev/vdc /dev/vdd
	} &>/dev/null
}

long() {
	check "the machine is up, and no unit failed" no_failed_unit
	timed "200 times: deactivate, activate, attach and extend a thin volume" thin_rounds
	timed "200 times: make, deactivate, activate, extend and remove a listed volume" cookie_rounds
	timed "30 times in and out under fio: linear" fio_linear
	timed "30 times in and out under fio: thin" fio_thin
	timed "30 times in and out under fio: striped" fio_striped
	timed "30 times in and out under fio: striped and linear lines" fio_mixed
	timed "after a minute of triggers a new volume is attached in 10 s" after_triggers
	timed "after 2,000 closes of one volume another is attached in 10 s" after_closes
	timed "50 times LVM extends apart, with its own locks, beside attach and detach" beside_container
	timed "30 times in and out over a slow disk: mount and links stay" mounted_over_delay
	timed "without udev's rules attach --all attaches" without_udev_rules
	timed "10 times in and out of the volumes of root and swap, short of memory" short_of_memory
	timed "with 512 possible processors inflight is never more than the depth" inflight_of_many
	timed "throttled readers of a device delay no other's creation or removal" throttled_readers
	timed "1,000 listed volumes are attached in 60 s, and the unit waits for LVM without work" thousand
	note "figures" cat "$state/figures"
}
