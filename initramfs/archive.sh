# What both archives are made with, from within the directory that is to be /.
# shellcheck shell=bash

# The program $1 in the directory $2, by all the names that it has where it is from, and
# at the paths that it knows the libraries that it loads.
add() {
	local program name library
	program=$(readlink -f "$1")
	install -D -m 755 "$program" "$2/${1##*/}"
	find -L "${program%/*}" -maxdepth 1 -samefile "$program" -printf '%f\n' |
		while read -r name; do
			[ -e "$2/$name" ] || ln -s "${1##*/}" "$2/$name"
		done
	# A static one has none, about which ldd complains.
	{ ldd "$program" || true; } | sed -nE 's|^[^/]*(/[^ ]+).*|\1|p' |
		while read -r library; do
			install -D -m 755 "$library" ".$library"
		done
}

# Copies the busybox $1 to bin. Its applets get other names where the machine has programs of their names, because
# some busyboxes take their own applets before the programs in PATH: dd is de, the next name of that length, so
# that busybox's table of names stays sorted. Those programs are dd, man and the other arguments.
add_busybox() {
	local name
	mkdir -p bin
	"$1" --list | { grep -xF "$(printf '%s\n' dd man "${@:2}")" || true; } | while read -r name; do
		echo "s/^$name\$/${name%?}$(tr 'a-y0-8' 'b-z1-9' <<<"${name: -1}")/"
	done >../applets
	LC_ALL=C sed -z -f ../applets "$1" >bin/busybox
	chmod 755 bin/busybox
}

# Everything, as one archive for one content: times, owners, inode numbers and the
# order are fixed.
pack() {
	find . -exec touch -h -d @1 {} +
	find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --create --format=newc --owner=0:0 --reproducible --quiet
}
