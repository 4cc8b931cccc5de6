# Dmp devices of your own over a disk: LVM, udev and by-uuid links.
# shellcheck shell=bash disable=SC2154

# Makes a dmp device over a whole disk with a volume group of LVM: LVM sees the same content twice.
duplicate_pvs() {
	vgcreate -q spare /dev/vdc && lvcreate -q -n one -l 4 spare && vgchange -q -an spare &&
		dmsetup create whole --table "0 $(blockdev --getsz /dev/vdc) dmp /dev/vdc"
}

# LVM activates the group when the second of the two appears.
comes_over_dmp() {
	[[ $(dmsetup deps -o devname spare-one 2>/dev/null) == *"(whole)" ]]
}

lvm_takes_dmp() {
	local said
	said=$(pvs --noheadings -o pv_name -S vg_name=spare 2>&1)
	if [[ $said != *"Not using device /dev/vdc for PV"* ]] || ! grep -qx ' */dev/mapper/whole *' <<<"$said"; then
		equal "$said" "a warning about /dev/vdc, and /dev/mapper/whole"
	fi
}

filter_silences() {
	equal "$(pvs --noheadings -o pv_name -S vg_name=spare \
		--config 'devices/global_filter=["r|^/dev/vdc$|"]' 2>&1 | tr -d ' ')" /dev/mapper/whole
}

# Succeeds if the by-uuid link leads from the disk to a dmp device over it. Both have the filesystem's label.
uuid_below() {
	local link
	mkfs.ext4 -q /dev/vdd && link=/dev/disk/by-uuid/$(blkid -o value -s UUID /dev/vdd) &&
		udevadm settle && equal "$(readlink -f "$link")" /dev/vdd &&
		dmsetup create own --table "0 $(blockdev --getsz /dev/vdd) dmp /dev/vdd" &&
		udevadm settle && equal "$(readlink -f "$link")" "$(readlink -f /dev/mapper/own)"
}

# Counts udev's reads of such a device, before its owner reads anything.
own_device() {
	dmsetup create own --table "0 $(blockdev --getsz /dev/vdd) dmp /dev/vdd" && udevadm settle &&
		counter own read/requests >"$state/own-made" &&
		echo 1 >"/sys/module/dmp/stat/$(dm own)/reset" &&
		dd if=/dev/zero of=/dev/mapper/own bs=4k count=1 oflag=direct status=none &&
		soon read_after_write && udevadm settle && counter own read/requests >"$state/own-written" &&
		(($(cat "$state/own-made") > 0))
}

read_after_write() {
	(($(counter own read/requests) > 0))
}

try_own_devices() {
	check "a dmp device is created over a physical volume" duplicate_pvs
	check "LVM activates the group over the dmp device" soon comes_over_dmp
	check "LVM uses the dmp device, and warns about the disk" lvm_takes_dmp
	check "LVM does not warn with a filter for the disk" filter_silences
	check "the group is deactivated" vgchange -q -an spare
	check "the dmp device over the disk is removed" dmsetup remove whole

	check "udev reads your own device at its creation and after a write" own_device
	note "the requests" cat "$state/own-made" "$state/own-written"
	check "your own device is removed" dmsetup remove own
	check "by-uuid of a filesystem on the disk below leads to the dmp device" uuid_below
	check "the device over the filesystem is removed" dmsetup remove own
}
