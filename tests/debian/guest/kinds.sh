# Volumes of every kind: those that can be attached, and those that are refused.
# shellcheck shell=bash disable=SC2154

# Print the expected messages. $1 is a volume with $2 lines. $3 begins the advice.
refusal() {
	echo "^dmpstat: $1: cannot attach $2 volumes: .+\. $3"
}
refusal_of_disk() {
	echo "dmpstat: $1: not a volume of device mapper. $(own_device_over "$1")"
}
own_device_over() {
	echo "Create a dmp device on top, and mount the new device instead: dmsetup create NAME" \
		"--table \"0 \$(blockdev --getsz $1) dmp $1\""
}
advice_below='Attach the underlying volume: '
advice_on='Attach the volumes on top'
advice_own='Create a dmp device on top, '

make_partition() {
	echo "start=2048, size=2048" | sfdisk -q /dev/vdd && udevadm settle
}

# Makes one volume of each kind, in a group of two disks.
make_kinds() {
	vgremove -q -y spare && wipefs -q -a /dev/vdd && vgcreate -q -y odd /dev/vdc /dev/vdd && lvm <<-'END' &&
		lvcreate -q -y -n linear -l 2 odd
		lvcreate -q -y -n striped -i 2 -l 2 odd
		lvcreate -q -y -n mixed -l 1 odd
		lvextend -q -i 2 -l +2 odd/mixed
		lvcreate -q -y -n raid --type raid1 -m 1 --nosync -l 1 odd
		lvcreate -q -y -n mirror --type mirror -m 1 --mirrorlog core --nosync -l 1 odd
		lvcreate -q -y -n thin --type thin -L 64M -V 16M --thinpool pool odd
		lvcreate -q -y -n origin -l 2 odd
		lvcreate -q -y -n snap -s -l 2 odd/origin
		lvcreate -q -y -n cached -l 2 odd
		lvcreate -q -y -n fast -l 2 odd
		lvconvert -q -y --type cache --cachevol fast odd/cached
		lvcreate -q -y -n buffered -l 2 odd
		lvcreate -q -y -n buffer -l 2 -an odd
		lvchange -q -an odd/buffered
		lvconvert -q -y --type writecache --cachevol buffer odd/buffered
		lvchange -q -ay odd/buffered
		lvcreate -q -y -n below -l 2 odd
	END
		head -c 64 /dev/urandom | cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 \
			--key-file - /dev/odd/below secret
}

remove_kinds() {
	cryptsetup close secret && vgremove -q -y odd && none_hidden
}

refused() {
	local said
	said=$(dmpstat attach "$1" 2>&1) && return 1
	[[ $said =~ $(refusal "$1" "$2" "$3") ]] || equal "$said" "$(refusal "$1" "$2" "$3")"
}

refused_disk() {
	local said
	said=$(dmpstat attach "$1" 2>&1) && return 1
	equal "$said" "$(refusal_of_disk "$1")"
}

sum() {
	sha256sum <"/dev/mapper/$1"
}

# Attaches a volume and detaches it again. Compares its data, table and counts.
in_and_out() {
	local name=$1 form=$2 table sum
	dd if=/dev/urandom of="/dev/mapper/$name" bs=64k count=16 oflag=direct status=none
	table=$(dmsetup table "$name") sum=$(sum "$name")
	dmpstat attach "$name" && attached "$name" && equal "$(status_of "$name")" "attached $form" &&
		equal "$(sum "$name")" "$sum" && udevadm settle &&
		echo 1 >"/sys/module/dmp/stat/$(dm "$name")/reset" &&
		dd if="/dev/mapper/$name" of=/dev/null bs=4k count=100 iflag=direct status=none &&
		equal "$(counter "$name" read/requests) $(counter "$name" read/bytes)" "100 409600" &&
		dmpstat detach "$name" && fails attached "$name" && equal "$(dmsetup table "$name")" "$table" &&
		none_hidden && equal "$(sum "$name")" "$sum"
}

# Succeeds if a snapshot of an attached thin volume has the volume's former data.
thin_snapshot() {
	local sum
	dmpstat attach odd-thin && sum=$(sum odd-thin) && silent lvcreate -q -y -kn -s -n copy odd/thin &&
		dd if=/dev/urandom of=/dev/odd/thin bs=64k count=16 oflag=direct status=none &&
		lvchange -q -ay odd/copy && equal "$(sum odd-copy)" "$sum" && lvremove -q -y odd/copy && none_hidden
}

thin_extended() {
	local sum
	dmpstat attach odd-thin && sum=$(sum odd-thin) && lvextend -q -L +16M odd/thin && none_hidden &&
		equal "$(head -c 16M /dev/odd/thin | sha256sum)" "$sum"
}

thin_reactivated() {
	dmpstat attach odd-thin && silent lvchange -q -an odd/thin && none_hidden && silent lvchange -q -ay odd/thin &&
		dmpstat attach odd-thin && silent lvextend -q -L +16M odd/pool && attached odd-thin
}

thin_removed() {
	dmpstat attach odd-thin && silent lvremove -q -y odd/thin && none_hidden &&
		equal "$(dmsetup udevcookies | tail -n +2)" ""
}

make_stripes() {
	dmsetup create stripes --table "0 65536 striped 2 128 /dev/vdc 0 /dev/vdd 0"
}

# Removes an attached device: the kernel removes its hidden device too, in the background.
remove_stripes() {
	dmpstat attach stripes && dmsetup remove --retry stripes && none_hidden
}

all_of_group() {
	dmpstat attach 'odd/*'
	equal "$(as_nobody dmpstat status | awk '$1 ~ /^odd-/ && $3 == "attached" { print $1 }' | sort)" \
		"$(printf 'odd-%s\n' below linear mixed striped thin)" && dmpstat detach 'odd/*'
}

below_is_counted() {
	local above below
	for above in raid thin origin secret; do
		case $above in
		raid) below=odd-raid_rimage_1 ;;
		thin) below=odd-pool_tdata ;;
		origin) below=odd-origin-real ;;
		secret) below=odd-below ;;
		esac
		[[ $above == secret ]] || above=odd-$above
		echo 1 >"/sys/module/dmp/stat/$(dm "$below")/reset"
		dd if=/dev/zero of="/dev/mapper/$above" bs=4k count=10 oflag=direct status=none &&
			equal "$above $(($(counter "$below" write/bytes) >= 40960))" "$above 1" || return
	done
}

try_kinds() {
	check "a whole disk is refused" refused_disk /dev/vda
	check "a partition is created" make_partition
	check "a partition is refused" refused_disk /dev/vdd1
	check "volumes of all kinds are created" make_kinds
	check "a linear volume is attached and detached" in_and_out odd-linear linear
	check "a striped volume is attached and detached" in_and_out odd-striped "dmp above"
	check "a volume of linear and striped lines is attached and detached" in_and_out odd-mixed "dmp above"
	check "a thin volume is attached and detached" in_and_out odd-thin "dmp above"
	check "LVM takes a snapshot of an attached thin volume" thin_snapshot
	check "LVM extends it" thin_extended
	check "LVM reactivates an attached thin volume, and extends its pool" thin_reactivated
	check "a RAID 1 is refused" refused odd-raid raid "$advice_own"
	check "a mirror is refused" refused odd-mirror mirror "$advice_own"
	check "a cached volume is refused" refused odd-cached cache "$advice_own"
	check "a volume with a writecache is refused" refused odd-buffered writecache "$advice_own"
	check "a snapshot's origin is refused" refused odd-origin snapshot-origin "${advice_below}odd-origin-real"
	check "a snapshot is refused" refused odd-snap snapshot "$advice_own"
	check "an encrypted device is refused" refused secret crypt "${advice_below}odd-below"
	check "a thin pool is refused" refused odd-pool-tpool thin-pool "$advice_on"
	check "a pattern matches a group's volumes, and no inner devices" all_of_group
	check "inner volumes are attached by their whole names" dmpstat attach odd-raid_rimage_{0,1} \
		odd-raid_rmeta_{0,1} odd-pool_tdata odd-pool_tmeta odd-origin-real odd-snap-cow odd-below
	check "inner volumes count the writes to the volume above" below_is_counted
	check "LVM removes an attached thin volume" thin_removed
	check "LVM removes volumes of all kinds" remove_kinds
	check "a striped device is created without LVM" make_stripes
	check "the striped device is attached and detached" in_and_out stripes "dmp above"
	check "the striped device is removed while it is attached" remove_stripes
}
