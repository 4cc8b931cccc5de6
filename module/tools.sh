#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints the tools that built a kernel, as variables for make. Prints only those that make would not choose by
# itself:
#
#   sh tools.sh /lib/modules/VERSION/build       RUSTC=rustc-1.82 ... BINDGEN=bindgen-0.65 LLVM=1
#
# Ubuntu has a package for each version of rustc and bindgen, and builds its kernels with those. A missing
# tool is not printed.
set -eu

config=$1/include/config/auto.conf
[ -e "$config" ] || exit 0

# Prints option $1's value, without quotes.
option() {
	sed -n "s/^CONFIG_$1=//p" "$config" | tr -d '"'
}

# Prints "1.82" for "rustc 1.82.0 (...)".
series() {
	echo "$1" | sed -n 's/^[a-z]* \([0-9]*[.][0-9]*\).*/\1/p'
}

# The compiler must be the same one: another of the same series cannot read the kernel's metadata.
builder=$(option RUSTC_VERSION_TEXT)
version=$(series "$builder")
if [ "$version" ] && [ "$(rustc --version 2>/dev/null)" != "$builder" ] &&
	[ "$("rustc-$version" --version 2>/dev/null)" = "$builder" ]; then
	echo "RUSTC=rustc-$version HOSTRUSTC=rustc-$version RUSTDOC=rustdoc-$version"
fi

# bindgen 0.69.0 prints its version only if an argument follows the option.
version=$(series "$(option BINDGEN_VERSION_TEXT)")
if [ "$version" ] && [ "$(series "$(bindgen --version workaround-for-0.69.0 2>/dev/null)")" != "$version" ] &&
	command -v "bindgen-$version" >/dev/null; then
	echo "BINDGEN=bindgen-$version"
fi

# gcc does not know clang's flags in the kernel's configuration. LLVM=1 would select LLVM's linker as well.
case $(option CC_IS_CLANG),$(option LD_IS_LLD) in
y,y) echo LLVM=1 ;;
y,*) echo CC=clang ;;
esac
