#!/usr/bin/env bash
# Compares the files that repeat the version with module/VERSION, which sets it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=$(cat module/VERSION)
failed=0
expect() { # version, file, its version, command that mends it
	[[ $3 != "$1" ]] || return 0
	printf 'version.sh: %s has version %s, not %s: %s\n' "$2" "$3" "$1" "$4" >&2
	failed=1
}

expect "$version" dmpstat/Cargo.toml \
	"$(sed -n '/^\[package]/,/^\[/s/^version = "\(.*\)"$/\1/p' dmpstat/Cargo.toml)" \
	"sed -i '/^\[package]/,/^\[/s/^version = .*/version = \"$version\"/' dmpstat/Cargo.toml"
expect "$version" dmpstat/Cargo.lock \
	"$(sed -n '/^name = "dmpstat"$/{n;s/^version = "\(.*\)"$/\1/p}' dmpstat/Cargo.lock)" \
	"cargo update --manifest-path dmpstat/Cargo.toml --workspace"

heading=$(grep -m 1 '^## ' docs/CHANGELOG.md)
noted=$heading mend="s/^## .*/## $version (unreleased)/"
if [[ $heading =~ ^'## '([0-9.]+)' ('(unreleased|[0-9]{4}-[0-9]{2}-[0-9]{2})')'$ ]]; then
	noted=${BASH_REMATCH[1]}
	# A release keeps its heading, below the new one.
	[[ ${BASH_REMATCH[2]} == unreleased ]] || mend="s/^## /## $version (unreleased)\\n\\n&/"
fi
expect "$version" docs/CHANGELOG.md "$noted" \
	"sed -i '0,/^## /$mend' docs/CHANGELOG.md"

# The build of the Debian package inserts the version.
expect "#MODULE_VERSION#" module/dkms/dkms.conf \
	"$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' module/dkms/dkms.conf)" \
	"sed -i 's/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"#MODULE_VERSION#\"/' module/dkms/dkms.conf"

exit "$failed"
