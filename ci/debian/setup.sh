# The builder of every derivation: the phases of nixpkgs' stdenv that dmp uses,
# with the programs of the Debian root.
# shellcheck shell=bash
set -eu -o pipefail

export PATH=${inputPath:+$inputPath:}/usr/bin:/usr/sbin
# /lib is a mount here and no link to /usr/lib: programs that find their files
# next to their libraries, as rustc does, must not have loaded those from there.
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu
export HOME=/homeless-shelter LC_ALL=C.UTF-8 TZ=UTC
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
umask 022

runHook() {
	eval "${!1-}"
}

# Debian has the interpreters where the scripts expect them.
patchShebangs() {
	:
}

unpackPhase() {
	[[ -n ${src-} ]] || return 0
	mkdir source
	if [[ -d $src ]]; then
		cp -r --no-preserve=mode,ownership "$src"/. source/
		# What can be run stays so.
		(cd "$src" && find . -type f -perm /100 -print0) |
			(cd source && xargs -0r chmod +x)
	else
		tar -xf "$src" --strip-components=1 --no-same-owner -C source
	fi
	cd "${sourceRoot:-source}"
}

# The flags are lists, which Nix has joined with spaces.
# shellcheck disable=SC2086
buildPhase() {
	make -j"$NIX_BUILD_CORES" ${makeFlags-} ${buildFlags-}
}

# A phase is the text that the derivation has for it, or else the function
# above with the hooks around it.
phase() {
	local text=${1}Phase
	if [[ -n ${!text-} ]]; then
		eval "${!text}"
		return
	fi
	runHook "pre${1^}"
	if declare -F "$text" >/dev/null; then
		"$text"
	fi
	runHook "post${1^}"
}

cd "$NIX_BUILD_TOP"
if [[ -n ${buildCommandPath-} ]]; then
	# shellcheck disable=SC1090
	. "$buildCommandPath"
elif [[ -n ${buildCommand-} ]]; then
	eval "$buildCommand"
else
	for part in unpack patch configure build check install; do
		[[ $part != check || -n ${doCheck-} ]] || continue
		phase "$part"
	done
fi
