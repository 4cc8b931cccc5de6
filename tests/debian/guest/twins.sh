# LVM's output about an attached volume, compared with that about an equal unattached one. The groups counted
# and regular are equal, with names of equal length; counted/data is attached.
# shellcheck shell=bash disable=SC2154

make_twins() {
	local group disk
	for disk in /dev/vdc /dev/vdd; do
		wipefs -q -a "$disk" && printf 'size=120M\nsize=120M\n' | sfdisk -q "$disk" || return
	done
	udevadm settle
	for group in counted:/dev/vdc regular:/dev/vdd; do
		vgcreate -q "${group%:*}" "${group#*:}"{1,2} && lvcreate -q -y -n data -l 4 "${group%:*}" || return
	done
}

remove_twins() {
	vgremove -q -y "$@" && wipefs -q -a /dev/vd{c,d}{1,2} /dev/vdc /dev/vdd && udevadm settle
}

# Runs the command with the group's name for each @, and prints its output and exit status without names,
# numbers of devices, uuids and times.
of_twin() {
	local group=$1
	shift
	{
		"${@//@/$group}" 2>&1
		echo "exit status $?"
	} | sed -E "s/$group/GROUP/g"'; s/vd[cd]/DISK/g; s/2[45][0-9]:[0-9]+/DEVICE/g
		s/[[:alnum:]]{6}(-[[:alnum:]]{4}){5}-[[:alnum:]]{6}/UUID/g
		s/("lv_kernel_minor":")[0-9]+/\1MINOR/; s/[0-9-]{10} [0-9:]{8} [+-][0-9]{4}/TIME/'
}

# Succeeds if an LVM command has the same output for both groups. @ stands for the group's name.
same() {
	equal "$(of_twin counted "$@")" "$(of_twin regular "$@")"
}

# Compares as `same` does, after attaching a volume, and compares LVM's resulting tables.
same_attached() {
	dmpstat attach counted/data && attached counted-data && same "$@" &&
		equal "$(of_twin counted dmsetup table @-data)" "$(of_twin regular dmsetup table @-data)"
}

# Compares as `same_attached` does. Succeeds if the volume is still attached.
same_and_attached() {
	same_attached "$@" && attached counted-data
}

raid_and_back() {
	same_attached lvconvert -q -y --type raid1 -m 1 @/data && within=60 soon in_sync &&
		same lvs -a -o name,attr,segtype @ && same lvconvert -q -y -m 0 @/data
}

in_sync() {
	equal "$(lvs --noheadings -o sync_percent counted/data regular/data | tr -d ' ')" $'100.00\n100.00'
}

snapshot_and_back() {
	same_attached lvcreate -q -y -s -n snap -l 1 @/data && same lvs @ && same lvremove -q -y @/snap
}

renamed() {
	same_attached lvrename -q @ data other && same lvs @ && same lvrename -q @ other data
}

group_renamed() {
	same_attached vgrename -q @ @-2 && same lvs @-2 && same vgrename -q @-2 @
}

exported() {
	same_attached vgchange -q -an @ && same vgexport -q @ && same vgimport -q @ && same vgchange -q -ay @
}

# Makes the groups, compares all of LVM's output and results, and removes the groups.
compare_twins() {
	check "two equal groups are created" make_twins
	check "lvs prints the same for an attached volume" same_and_attached lvs @
	check "lvs in JSON prints the same" same_and_attached \
		lvs -o lv_active,lv_attr,segtype,lv_device_open --reportformat json @
	check "lvs with all columns prints the same" same_and_attached lvs -a -o lv_all,seg_all --reportformat json @
	check "lvdisplay prints the same" same_and_attached lvdisplay -m @/data
	check "vgck prints the same" same_and_attached vgck @
	check "dmsetup table prints the same" same_and_attached dmsetup table @-data
	check "lvchange --refresh prints the same, and keeps the volume attached" same_and_attached lvchange -q --refresh @/data
	check "a snapshot is made and removed in the same way" snapshot_and_back
	check "a volume is converted to RAID 1 and back" raid_and_back
	check "a volume is renamed" renamed
	check "a group is renamed" group_renamed
	check "a volume is extended" same_attached lvextend -q -l +2 @/data
	check "a volume is reduced" same_attached lvreduce -q -f -y -l -2 @/data
	check "a volume is deactivated" same_attached lvchange -q -an @/data
	check "a volume is activated" same lvchange -q -ay @/data
	check "a group is exported and imported" exported
	check "a volume is removed" same_removed
	check "both groups are removed" remove_twins counted regular
}

same_removed() {
	dmpstat attach counted/data && same lvremove -q -y @/data
}
