# The README's volume, vg/data, which is mounted; further listed volumes; and the removal of the packages.
# shellcheck shell=bash disable=SC2154

make_volume() {
	# ext4 initialises nothing in the background, because such requests would be counted as well.
	vgcreate -q vg /dev/vdb && lvcreate -q -n data -L 256M vg &&
		mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vg/data &&
		mount /dev/vg/data /mnt && blkid -o value -s UUID /dev/vg/data >"$state/uuid" &&
		dd if=/dev/urandom of=/mnt/file bs=4k count=100 status=none && sync
}

# Opens a volume for writing and closes it, $2 times. udev gets a change event after each.
close_often() {
	local n
	for ((n = 0; n < $2; n++)); do
		: <>"$1"
	done
}

no_unit_started() {
	close_often /dev/vg/data 100 && udevadm settle && equal "$(journal)" ""
}

# Succeeds if the volume has been attached again more than $1 times.
was_attached_again() {
	attached vg-data && (($(again vg-data) > $1))
}

# Runs a command by which LVM writes its own table. Afterwards the volume has to be attached again, once.
comes_back() {
	local before
	before=$(again vg-data)
	"$@" && soon was_attached_again "$before" && quiet && equal "$(by_itself vg-data)" "$(again vg-data)"
}

# Runs a command by which LVM finds its own table unchanged. The volume has to stay attached, and keep its
# counts.
stays() {
	local before counted
	before=$(again vg-data) counted=$(counter vg-data read/requests)
	"$@" && quiet && attached vg-data && equal "$(again vg-data)" "$before" &&
		((counted > 0 && $(counter vg-data read/requests) >= counted))
}

reads_are_exact() {
	udevadm settle
	# The filesystem reads its own blocks the first time.
	dd if=/mnt/file of=/dev/null bs=4k count=1 iflag=direct status=none
	echo 1 >"/sys/module/dmp/stat/$(dm vg-data)/reset"
	dd if=/mnt/file of=/dev/null bs=4k count=100 iflag=direct status=none
	equal "$(counter vg-data read/requests) $(counter vg-data read/bytes)" "100 409600"
}

# Compares with the kernel's own statistics of the disk, which count write-zeroes requests as writes.
writes_are_exact() {
	local before after counted
	fsfreeze -f /mnt
	echo 1 >"/sys/module/dmp/stat/$(dm vg-data)/reset"
	before=$(awk '{ print $7 }' "/sys/block/$(dm vg-data)/stat")
	fsfreeze -u /mnt
	dd if=/dev/zero of=/mnt/other bs=64k count=50 oflag=direct status=none
	sync -f /mnt
	fsfreeze -f /mnt
	after=$(awk '{ print $7 }' "/sys/block/$(dm vg-data)/stat")
	counted=$(($(counter vg-data write/bytes) + $(counter vg-data write_zeroes/bytes)))
	fsfreeze -u /mnt
	((counted >= 50 * 65536)) && equal "$counted" "$(((after - before) * 512))"
}

# Succeeds if LVM sees its own linear volume, mounted, and prints no warning.
lvm_sees_linear() {
	equal "$(lvs --noheadings -o lv_attr,segtype vg/data 2>&1 | xargs)" "-wi-ao---- linear" &&
		equal "$(dmsetup table vg-data | cut -d ' ' -f 3)" linear
}

same_link() {
	equal "$(readlink -f "/dev/disk/by-uuid/$(cat "$state/uuid")")" "$(readlink -f /dev/vg/data)"
}

extend() {
	lvextend -q -L +64M vg/data && resize2fs /dev/vg/data && touch /mnt/after-extend
}

lvm_at_work() {
	local said started=$SECONDS
	# LVM locks a volume group in this way.
	said=$( (flock 9 && dmpstat detach vg/data 2>&1) 9>>/run/lock/lvm/V_vg) && return 1
	equal "$said" "$message_lvm" && ((SECONDS - started >= 9)) && attached vg-data
}
message_lvm="dmpstat: vg-data: LVM is changing the volume group vg: try again when LVM has finished"

make_storm() {
	local n
	for n in {1..10}; do
		echo "lvcreate -q -an -Zn -Wn -l 1 -n storm$n vg"
	done | lvm >/dev/null && echo 'vg/storm*' >>/etc/dmp/attach.conf
}

storm_attached() {
	local n
	for n in {1..10}; do
		attached "vg-storm$n" || return
	done
}

quiet_after_storm() {
	quiet && equal "$(journal | grep '^vg-storm[0-9]*: ' | sort)" "$(printf 'vg-storm%s: attached\n' {1..10} | sort)"
}

# Makes a thin volume that is already listed. On an emulated processor dmeventd starts too late for
# lvm2-monitor at boot ("No input from event server"), with and without dmp.
make_thin() {
	systemctl disable --quiet lvm2-monitor.service
	echo vg/thin >>/etc/dmp/attach.conf
	lvcreate -q -y --type thin -L 64M -V 64M --thinpool pool -n thin vg && soon attached vg-thin &&
		equal "$(status_of vg-thin)" "attached dmp above" &&
		dd if=/dev/urandom of=/dev/vg/thin bs=1M count=8 oflag=direct status=none &&
		sum vg-thin >"$state/thin"
}

# Makes LVM write a thin line, which removes the hidden device. The unit has to attach the volume again.
thin_comes_back() {
	local before
	before=$(again vg-thin)
	lvextend -q -L +16M vg/thin && soon thin_attached_again "$before" && quiet && none_hidden &&
		equal "$(head -c 64M /dev/vg/thin | sha256sum)" "$(cat "$state/thin")" && sum vg-thin >"$state/thin"
}

thin_attached_again() {
	(($(again vg-thin) > $1))
}

# Simulates a machine for whose kernel DKMS has not built the module.
without_module() {
	local said
	echo 'install dmp /bin/false' >/etc/modprobe.d/without.conf
	lvchange -q -an vg/storm1 && lvchange -q -ay vg/storm1 && quiet && plain vg-storm1 &&
		said=$(journal --lines=20 --grep='no target') && equal "$(sort -u <<<"$said")" "$message_module" &&
		: >/etc/dmp/attach.conf && lvchange -q -an vg/storm1 && lvchange -q -ay vg/storm1 && quiet &&
		equal "$(journal --lines=20 --grep='no target')" "$said"
	rm /etc/modprobe.d/without.conf
}
message_module='dmpstat: device mapper has no target "dmp": install the dmp module, and run "modprobe dmp"'

nothing_left() {
	find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path "$state" -o -path /var/log \) \
		-prune -o -name '*dmp*' ! -path '*/dmp-test*' -printf '/%P\n' | sort |
		diff /root/files-before -
}
