#!/usr/bin/env bash
# Tests the files that `make install` installs, with DESTDIR and prefix. The kernel and cargo's output are
# simulated.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/built/share" "$work/kdir/include/config"
touch "$work/built/dmpstat" "$work/built/share/"{dmpstat.1,dmpstat-attach.1,dmpstat.bash,_dmpstat,dmpstat.fish}
echo 6.12.19 >"$work/kdir/include/config/kernel.release"
cat >"$work/kdir/Makefile" <<'END'
modules:
modules_install:
	install -D -m 644 /dev/null $(INSTALL_MOD_PATH)/lib/modules/6.12.19/updates/dmp.ko
	echo "depmod is $(DEPMOD)"
END

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

destination=$work/destination
install() { # make's arguments
	make --silent -C "$repo" install KDIR="$work/kdir" built="$work/built" DESTDIR="$destination" "$@" 2>&1
}

expect() { # prefix, the path of attach.conf
	printf '%s\n' \
		"755 $1/bin/dmpstat" \
		"644 $1/lib/systemd/system/dmp-attach.path" \
		"644 $1/lib/systemd/system/dmp-attach.service" \
		"644 $1/lib/systemd/system/dmp-exporter-textfile.service" \
		"644 $1/lib/systemd/system/dmp-exporter.service" \
		"644 $1/lib/systemd/system/dmp-exporter.socket" \
		"644 $1/lib/systemd/system/dmp-record.service" \
		"644 $1/lib/udev/rules.d/90-dmp-attach.rules" \
		"644 $1/share/bash-completion/completions/dmpstat" \
		"644 $1/share/fish/vendor_completions.d/dmpstat.fish" \
		"644 $1/share/man/man1/dmpstat-attach.1" \
		"644 $1/share/man/man1/dmpstat.1" \
		"644 $1/share/zsh/site-functions/_dmpstat" \
		"644 $2/dmp/attach.conf" \
		"644 /lib/modules/6.12.19/updates/dmp.ko" >"$work/expected"
	find "$destination" -type f -printf '%m /%P\n' >"$work/installed"
	diff <(sort "$work/expected") <(sort "$work/installed") >&2 || fail "the files installed under $1 differ"
	# Units and the rule run the installed program.
	local named
	named=$(grep -rhoE '[^ ="]*/dmpstat( |$)' "$destination$1/lib" | sort -u)
	[[ $named == "$1/bin/dmpstat " ]] || fail "under $1 units and the rule run $named"
}

said=$(install)
[[ $said == "depmod is true" ]] || fail "make install runs depmod for a package: $said"
expect /usr/local /etc

# An edited attach.conf stays.
echo vg/data >"$destination/etc/dmp/attach.conf"
said=$(install)
[[ $(cat "$destination/etc/dmp/attach.conf") == vg/data ]] || fail "attach.conf was replaced"

rm -r "$destination"
said=$(install prefix=/usr sysconfdir=/usr/etc)
expect /usr /usr/etc

rm "$work/built/share/dmpstat.1"
! said=$(install) || fail "make install succeeds before make"
[[ $said == *"$work/built has no man pages: run make first"* ]] || fail "make install does not name the missing part: $said"
