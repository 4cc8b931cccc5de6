# Volumes: their counters, their attachment, and the unit that attaches them again.
# shellcheck shell=bash disable=SC2154,SC2119,SC2120

# Prints dm-N of the device with this name.
dm() {
	dmsetup info -c --noheadings -o blkdevname "$1"
}

# Prints a file of the counters of the device with this name.
counter() {
	cat "/sys/module/dmp/stat/$(dm "$1")/$2"
}

# Prints a number of the snapshot's line "lines": `lines NAME`, `lines NAME as_linear` or
# `lines NAME flush_bypass` for the live table, and with `loaded` as the third word for the loaded one. Prints
# 0 for a device without dmp lines.
lines() {
	local word=${2:-lines} which=${3:-live}
	awk -v word="$word" -v after=$((1 + (${#which} == 6))) \
		'$1 == "lines" { for (i = 1; i <= NF; i++) if ($i == word) number = $(i + after) }
		END { print number + 0 }' <(counter "$1" snapshot 2>/dev/null)
}

# Succeeds if the live table of the device has dmp lines. The table itself shows as_linear lines as linear.
attached() {
	(($(lines "$1") > 0))
}

# Succeeds if neither of the device's tables has dmp lines, and its table is LVM's.
plain() {
	equal "$(lines "$1") $(lines "$1" lines loaded)" "0 0" &&
		equal "$(dmsetup table "$1" | cut -d ' ' -f 3 | sort -u)" "${2:-linear}"
}

# Prints the State and the Table of a volume in `dmpstat status`: "attached linear".
status_of() {
	as_nobody dmpstat status | awk -v volume="$1" \
		'$1 == volume { print $3, $4 ($5 == "above" ? " above" : "") }'
}

# Prints the number of repeated attaches of a volume in `dmpstat status`.
again() {
	as_nobody dmpstat status |
		sed -nE "s/^$1 +dm-[0-9]+ +attached .* [0-9-]{10} [0-9:]{8} +([0-9]+).*/\\1/p"
}

# Prints the journal of the unit that attaches volumes, in this boot.
journal() {
	journalctl --quiet --boot --output=cat --unit='dmp-attach*.service' "$@" 2>/dev/null
}

# Prints the number of times that the unit has attached a volume in this boot.
by_itself() {
	journal | grep -cxF "$1: attached"
}

# Succeeds if the unit has finished its work.
has_finished() {
	local units
	units=$(systemctl list-units --plain --no-legend --state=active,activating 'dmp-attach*.service')
	[[ ! $units && ! $(find /run/dmp/queue -name 'dm-*' 2>/dev/null) ]]
}

quiet() {
	udevadm settle
	soon has_finished || {
		ls -la /run/dmp/queue
		systemctl list-units --all --plain --no-legend 'dmp-attach*'
		return 1
	}
	no_failed_unit
}

# Succeeds if each hidden device is below a volume that is attached above. Hidden devices of volumes that are
# not LVM's are removed in the background.
none_hidden() {
	within=10 soon no_hidden || {
		dmsetup info -c -o name,uuid,open,attr
		as_nobody dmpstat status
		return 1
	}
}

no_hidden() {
	local hidden above
	hidden=$(dmsetup info -c --noheadings -o name | grep -cE '^dmp-[0-9a-f]{16}(-real)?$')
	above=$(as_nobody dmpstat status | grep -c ' attached  *dmp above ')
	((hidden == above))
}
