#!/usr/bin/env bash
# What module/Kbuild says of kernels that dmp is not for, and that bindgen gets no flags of LTO. It is run
# in a copy of module/, with make's arguments there.
set -euo pipefail

for argument; do
	[[ $argument != KDIR=* ]] || kdir=${argument#KDIR=}
done

wrong() { # what make was to do, what it said
	printf '%s, but make says:\n%s\n' "$1" "$2" >&2
	exit 1
}

refused() { # what is to be said, a command
	local said
	if said=$("${@:2}" 2>&1); then
		wrong "\"$1\" was to be said" "$said"
	fi
	[[ $said == *"$1"* ]] || wrong "\"$1\" was to be said" "$said"
}

version() { # version, patch level, sublevel, what else make is to be told
	make "${arguments[@]}" VERSION="$1" PATCHLEVEL="$2" SUBLEVEL="$3" "${@:4}" modules
}
arguments=("$@")

refused "dmp needs Linux 6.12.19 or later: this is 6.12.18" version 6 12 18
refused "dmp needs Linux 6.12.19 or later: this is 6.11.99" version 6 11 99
refused "dmp needs Linux 6.12.19 or later: this is 5.19.20" version 5 19 20
for new in "6 12 19" "6 13 0" "7 0 0"; do
	read -ra new <<<"$new"
	# What would be done.
	said=$(version "${new[@]}" --dry-run 2>&1) || true
	[[ $said != *"dmp needs"* ]] || wrong "${new[*]} is new enough" "$said"
done

refused "this kernel was built without CONFIG_RUST=y" make "$@" CONFIG_RUST= modules

# As a part of the kernel. Alone an object would be compiled without the kernel's configuration.
cp -r . "$TMPDIR/built-in"
sed -i 's/^obj-m := /obj-y := /' "$TMPDIR/built-in/Kbuild"
refused "dmp can only be a module: obj-m" \
	make -C "$kdir" "$@" M="$TMPDIR/built-in" need-config=1 helpers.o

# Only bindgen is asked: nothing here is compiled by the C compiler, which knows them under LTO only.
flags="-flto=thin -fsplit-lto-unit"
said=$(make -C "$kdir" "$@" M="$PWD" V=1 CC_FLAGS_LTO="$flags" KCFLAGS="$flags" dmp_main.o 2>&1) ||
	wrong "with flags of LTO it was to be compiled" "$said"
bindgen=$(grep -F 'bindings.h ' <<<"$said") || wrong "bindgen was to be run" "$said"
[[ $bindgen != *-flto* && $bindgen != *-fsplit-lto-unit* ]] ||
	wrong "bindgen was to get no flags of LTO" "$bindgen"
