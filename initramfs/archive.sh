# Functions that make both archives. They run in the directory that becomes /.
# shellcheck shell=bash

# Adds the program $1 to the directory $2, by all its names in its own directory. Adds the libraries that it
# loads, at the paths where it searches them.
add() {
	local program name library
	program=$(readlink -f "$1")
	install -D -m 755 "$program" "$2/${1##*/}"
	for name in "${program%/*}"/*; do
		[[ ! $name -ef $program || -e $2/${name##*/} ]] || ln -s "${1##*/}" "$2/${name##*/}"
	done
	# A static program has no libraries, and ldd complains.
	{ ldd "$program" || true; } | sed -nE 's|^[^/]*(/[^ ]+).*|\1|p' |
		while read -r library; do
			install -D -m 755 "$library" ".$library"
		done
}

# Copies the busybox $1 to bin. Renames the applets that the machine also has as programs (dd, man and the
# other arguments), because some busyboxes prefer their own applets to the programs in PATH. dd becomes de,
# the next name of the same length, so that busybox's table of names stays sorted.
add_busybox() {
	local name
	mkdir -p bin
	"$1" --list | { grep -xF "$(printf '%s\n' dd man "${@:2}")" || true; } | while read -r name; do
		echo "s/^$name\$/${name%?}$(tr 'a-y0-8' 'b-z1-9' <<<"${name: -1}")/"
	done >../applets
	LC_ALL=C sed -z -f ../applets "$1" >bin/busybox
	chmod 755 bin/busybox
}

# Packs everything. The same content gives the same archive: times, owners, inode numbers and the order are
# fixed.
pack() {
	find . -exec touch -h -d @1 {} +
	find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --create --format=newc --owner=0:0 --reproducible --quiet
}
