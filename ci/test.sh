#!/usr/bin/env bash
# Tests ci/nix with a simulated nix, which has the version FAKE_NIX and prints its arguments.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
# A sandbox has no env, so the shebang names bash itself.
echo "#!$BASH" >"$work/bin/nix"
cat >>"$work/bin/nix" <<'END'
case "$*" in
"eval --expr builtins.compareVersions builtins.nixVersion "*)
	[[ $(printf '%s\n' 2.18 "$FAKE_NIX" | sort -V | head -n 1) == 2.18 ]] && echo true || echo false ;;
--version) echo "nix (Nix) $FAKE_NIX" ;;
*) echo "nix $*, users: $(sed -n 's/^build-users-group/&/p' <<<"${NIX_CONFIG-}")" ;;
esac
END
# getent finds no group.
printf '#!/bin/sh\nexit 2\n' >"$work/bin/getent"
chmod +x "$work/bin/"*

expect() { # nix's version, the expected output
	local printed
	printed=$(PATH=$work/bin:$PATH FAKE_NIX=$1 bash "$repo/ci/nix" --package-set nixpkgs build .#dmp 2>&1) || true
	[[ $printed == "$2" ]] || {
		printf 'with nix %s ci/nix printed:\n%s\nnot:\n%s\n' "$1" "$printed" "$2" >&2
		exit 1
	}
}

users=
[[ $EUID != 0 ]] || users="build-users-group ="
expect 2.8.0 "ci/nix: nixpkgs needs Nix 2.18 or later, and this is nix (Nix) 2.8.0"
expect 2.18.0 "nix build .#dmp, users: $users"
expect 2.26.3 "nix build .#dmp, users: $users"
