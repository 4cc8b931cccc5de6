#!/usr/bin/env bash
# Builds dmp.ko for kernels, with warnings as errors, and prints a table: the kernel, its compilers, and
# "builds" or the first error. Exit status 1 if one of the builds fails.
#
# Usage: kernels.sh DIR...     each a kernel's build directory: /lib/modules/VERSION/build, or a tree in
#                              which "make modules_prepare" was run. Nothing is written to it.
#
# A module is compiled by the same rustc as its kernel. kernels.sh searches for it in PATH, and then in DMP_TOOLS,
# a path of the same form.
set -euo pipefail

usage() {
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
}

case ${1-} in
-h | --help)
	usage
	exit
	;;
"")
	usage >&2
	exit 2
	;;
esac

module=${DMP_MODULE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../module" && pwd)}
logs=$(mktemp -d)

# Prints the value of option $1 in the configuration, without quotes; nothing if it is off.
config() {
	sed -n "s/^CONFIG_$1=//p" "$dir/include/config/auto.conf" | tr -d '"'
}

# Prints 1.85.1 for 108501, and 14.2.0 for 140200.
dotted() {
	echo "$(($1 / $2)).$(($1 % $2 / 100)).$(($1 % 100))"
}

compilers() {
	local clang
	clang=$(config CLANG_VERSION)
	if ((clang)); then
		clang="clang $(dotted "$clang" 10000)"
	else
		clang="gcc $(dotted "$(config GCC_VERSION)" 10000)"
	fi
	echo "rustc $(dotted "$(config RUSTC_VERSION)" 100000), $clang"
}

# Prints the first of the PATHs with the kernel's rustc.
tools() {
	local wanted path
	wanted=$(config RUSTC_VERSION_TEXT)
	for path in "$PATH" ${DMP_TOOLS:+"$DMP_TOOLS:$PATH"}; do
		if [[ $(PATH=$path rustc --version 2>/dev/null) == "$wanted" ]]; then
			echo "$path"
			return
		fi
	done
	return 1
}

first_error() { # log
	local line
	# make prints the reason of its stop. rustc prints the place of an error in the line after the error.
	line=$(sed -nE '
		s/^.*: \*\*\* (.*)[.]  Stop[.]$/\1/p; t end
		/^error/ { N; s/\n *--> ([^ ]+):[0-9]+$/ (\1)/; s/\n.*//; p; b end }
		/(error|not found|undefined!|ERROR)/p; t end
		b
		:end
		q' "$1")
	[[ -n $line ]] || line=$(grep -v '^make' "$1" | tail -n 1)
	echo "${line:-make failed without a message}"
}

# Prints the last column of the table for $dir. The compilers' output goes to the log, $1.
build() {
	local flags=() path
	[[ $(config RUST) == y ]] || {
		echo "this kernel was built without CONFIG_RUST=y"
		return 1
	}
	path=$(tools) || {
		echo "the compiler of this kernel, $(config RUSTC_VERSION_TEXT), is not in PATH"
		return 1
	}
	# A tree after modules_prepare alone has no list of symbols.
	[[ -e $dir/Module.symvers ]] || flags+=(KBUILD_MODPOST_WARN=1)

	rm -rf "$logs/module"
	cp -r "$module" "$logs/module"
	chmod -R u+w "$logs/module"
	if PATH=$path make -C "$logs/module" -j "$(nproc)" KDIR="$dir" W=1 KCFLAGS=-Werror \
		KRUSTFLAGS=-Dwarnings "${flags[@]}" modules >"$1" 2>&1; then
		[[ -e $dir/Module.symvers ]] && echo builds || echo "builds; symbols not checked"
	else
		first_error "$1"
		return 1
	fi
}

row() { printf '%-28s %-28s %s\n' "$@"; }

row kernel compilers dmp.ko
failed=0
for directory; do
	if ! dir=$(realpath -e -- "$directory" 2>/dev/null) || [[ ! -e $dir/include/config/auto.conf ]]; then
		row "$directory" - "not configured: make -C $directory modules_prepare"
		failed=1
		continue
	fi
	kernel=$(cat "$dir/include/config/kernel.release")
	result=$(build "$logs/$kernel.log") || failed=1
	row "$kernel" "$(compilers)" "$result"
done
rm -rf "$logs/module"
if ((failed)); then
	echo "kernels.sh: the compilers' output is in $logs" >&2
else
	rm -rf "$logs"
fi
exit "$failed"
