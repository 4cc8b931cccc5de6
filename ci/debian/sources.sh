# Functions that make a Debian 13 root, for ci/nix and tests/debian. The calling script has to define a
# function die.
# shellcheck shell=bash

# Prints the machine's own Debian sources, in either format, with the suite trixie.
trixie_sources() {
	local origin codename uri components entry key keys lines=''
	# The fields are apt's.
	# shellcheck disable=SC2016
	local format='$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(COMPONENT)|$(SOURCESENTRY)'
	while IFS='|' read -r origin codename uri components entry; do
		[[ $origin == Debian && $codename =~ ^(bookworm|trixie)(-updates|-security)?$ ]] || continue
		keys=/usr/share/keyrings/debian-archive-keyring.gpg
		while read -r key; do
			keys+=,$key
		done < <(sed -nE 's/^[^#]*signed-by[:=][[:space:]]*([^] ]+).*/\1/Ip' "${entry%:*}" |
			tr ',' '\n' | grep '^/' | grep -vxF "$keys" | sort -u)
		lines+="deb [signed-by=$keys] $uri ${codename/bookworm/trixie} $components"$'\n'
		# The newest kernel is in this suite.
		[[ $codename == *-* ]] ||
			lines+="deb [signed-by=$keys] $uri trixie-backports $components"$'\n'
	done < <(apt-get indextargets --format "$format" 'Created-By: Packages')
	[[ -n $lines ]] || die "there is no Debian repository in this machine's apt sources"
	sort -u <<<"$lines"
}

# Makes the root $1, with the file $2 for apt's options. mmdebstrap gets all further arguments.
debian_root() {
	local root=$1 options=$2 sources
	shift 2
	# Options that this machine needs for its mirror: proxies, timeouts, expiry.
	apt-config dump | grep -iE '^Acquire::(http|https|ftp|tor|retries|check-)' >"$options" || :
	echo 'APT::Install-Recommends "false";' >>"$options"
	sources=$(trixie_sources) || return
	# $1 is the root here; mmdebstrap fills it in.
	# shellcheck disable=SC2016
	mmdebstrap --architectures=amd64 --aptopt="$options" \
		--setup-hook='mkdir -p "$1/etc/apt" && for f in auth.conf auth.conf.d; do
			[ ! -e "/etc/apt/$f" ] || cp -r "/etc/apt/$f" "$1/etc/apt/"; done' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/src/rustc-*' \
		--dpkgopt='path-include=/usr/src/rustc-*/library/*' \
		"$@" trixie "$root" - <<<"$sources" >&2
}
