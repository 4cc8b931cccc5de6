#!/usr/bin/env bash
# Tests kernels.sh on the kernel of KDIR=, with the module unchanged and with faults in it. Runs in a copy of
# module/, with make's arguments.
set -euo pipefail

for argument; do
	[[ $argument != KDIR=* ]] || kdir=${argument#KDIR=}
done
kernels=$(dirname "${BASH_SOURCE[0]}")/kernels.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp DMP_MODULE=$work/module
mkdir "$TMPDIR"
release=$(cat "$kdir/include/config/kernel.release")
rustc=$(rustc --version)
tools=$(dirname "$(command -v rustc)")

expect() { # exit status, the result of the table's only row, a build directory
	local said status=0
	said=$(bash "$kernels" "$3" 2>/dev/null) || status=$?
	# Any compilers suffice. Some of them have other names for sources.
	said=$(tail -n +2 <<<"$said" | sed -E "s/rustc [0-9.]+, (gcc|clang) [0-9.]+ /COMPILERS /; s/ +/ /g; s/[(]dmp[/]/(/")
	[[ $status == "$1" && $said == "$2" ]] || {
		printf 'of %s kernels.sh says, with status %s:\n%s\nnot, with %s:\n%s\n' \
			"$3" "$status" "$said" "$1" "$2" >&2
		exit 1
	}
}

fresh() {
	rm -rf "$DMP_MODULE"
	cp -r . "$DMP_MODULE"
}

# Makes a tree of links to the kernel's, except include/config.
tree() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/include/config"
	ln -s "$kdir"/* "$kdir/.config" "$work/tree/" 2>/dev/null || :
	ln -s "$kdir"/include/* "$work/tree/include/" 2>/dev/null || :
	cp "$kdir"/include/config/{auto.conf,kernel.release} "$work/tree/include/config/"
	chmod u+w "$work/tree/include/config/"*
}

fresh
expect 0 "$release COMPILERS builds" "$kdir"
[[ -z $(ls "$TMPDIR") ]] || {
	echo "kernels.sh left $(ls "$TMPDIR") behind" >&2
	exit 1
}

# Warnings of rustc and of the C compiler are errors.
echo 'use core::cmp::Ordering;' >>"$DMP_MODULE/stamp.rs"
expect 1 "$release COMPILERS error: unused import: \`core::cmp::Ordering\` (stamp.rs:$(wc -l <"$DMP_MODULE/stamp.rs"))" "$kdir"
[[ -s $(echo "$TMPDIR"/*/"$release.log") ]] || {
	echo "kernels.sh kept no log" >&2
	exit 1
}

fresh
echo 'static void unused(void) {}' >>"$DMP_MODULE/wrappers/helpers/helpers.c"
said=$(bash "$kernels" "$kdir" 2>/dev/null) && status=0 || status=$?
[[ $status == 1 && $said == *"helpers.c:"*unused* ]] || {
	printf 'expected an error about an unused function in helpers.c, but kernels.sh printed:\n%s\n' "$said" >&2
	exit 1
}

# Kbuild refuses the kernel by its version, and no compiler runs.
fresh
# shellcheck disable=SC2016
sed -i '1a $(error dmp is not for this kernel)' "$DMP_MODULE/Kbuild"
expect 1 "$release COMPILERS dmp is not for this kernel" "$kdir"

# Each of several kernels has its row, and one failed build is a failure.
said=$(bash "$kernels" "$kdir" "$work/none" 2>/dev/null) && status=0 || status=$?
[[ $status == 1 && $(wc -l <<<"$said") == 3 ]] || {
	printf 'expected two rows for two kernels, but kernels.sh printed:\n%s\n' "$said" >&2
	exit 1
}

# Kernels for which no build starts.
expect 1 "$work/none - not configured: make -C $work/none modules_prepare" "$work/none"
tree
sed -i 's/^CONFIG_RUST=y$//' "$work/tree/include/config/auto.conf"
expect 1 "$release COMPILERS this kernel was built without CONFIG_RUST=y" "$work/tree"
tree
sed -i 's/^CONFIG_RUSTC_VERSION_TEXT=.*/CONFIG_RUSTC_VERSION_TEXT="rustc 1.0.0"/' \
	"$work/tree/include/config/auto.conf"
expect 1 "$release COMPILERS the compiler of this kernel, rustc 1.0.0, is not in PATH" "$work/tree"

# The kernel's rustc is found both after and before another one.
fresh
# shellcheck disable=SC2016
sed -i '1a $(error dmp finds $(shell rustc --version))' "$DMP_MODULE/Kbuild"
mkdir "$work/bin"
printf '#!%s\necho rustc 1.0.0\n' "$BASH" >"$work/bin/rustc"
chmod +x "$work/bin/rustc"
said=$(PATH=$work/bin:$PATH DMP_TOOLS=$tools bash "$kernels" "$kdir" 2>/dev/null) || :
[[ $said == *"dmp finds $rustc"* ]] || {
	printf 'expected %s from DMP_TOOLS, but kernels.sh printed:\n%s\n' "$rustc" "$said" >&2
	exit 1
}
said=$(DMP_TOOLS=$work/bin bash "$kernels" "$kdir" 2>/dev/null) || :
[[ $said == *"dmp finds $rustc"* ]] || {
	printf 'expected %s from PATH, but kernels.sh printed:\n%s\n' "$rustc" "$said" >&2
	exit 1
}

bash "$kernels" 2>/dev/null && status=0 || status=$?
[[ $status == 2 ]] || {
	echo "expected exit status 2 without a directory, not $status" >&2
	exit 1
}
