# Makes the packages in $out. default.nix sets the environment.
# shellcheck shell=bash disable=SC2154
set -euo pipefail

version=$(cat "$module/VERSION")
# The day of the last release.
day=$(grep -om 1 '[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]' "$changelog")
SOURCE_DATE_EPOCH=$(date --utc --date "$day 12:00" +%s)
export SOURCE_DATE_EPOCH

# $1: the package, whose files are in the folder of the same name.
package() {
	local name=$1 doc=$1/usr/share/doc/$1 file
	mkdir -p "$name/DEBIAN" "$doc"
	for file in "$packaging/$name"/*; do
		sed "s/@VERSION@/$version/g" "$file" >"$name/DEBIAN/$(basename "$file")"
	done
	# dpkg asks before it replaces one of these files after a user's edit.
	[[ ! -d $name/etc ]] ||
		(cd "$name" && find etc -type f -printf '/%p\n' | sort >DEBIAN/conffiles)
	cat "$packaging/copyright" >"$doc/copyright"
	[[ ! -e $doc/crates ]] || {
		printf '%s\n' "" "Files: usr/bin/$name" "Copyright: 2026 The dmp authors, and those named below" \
			"License: GPL-2.0-only and crates" "" "License: crates"
		sed 's/^[[:space:]]*$/./; s/^/ /' "$doc/crates"
		rm "$doc/crates"
	} >>"$doc/copyright"
	awk -v package="$name" -v maintainer="$(sed -n 's/^Maintainer: //p' "$name/DEBIAN/control")" \
		-v unreleased="$day" -f "$packaging/changelog.awk" "$changelog" | gzip -9n >"$doc/changelog.gz"
	echo "Installed-Size: $(du -k -s --apparent-size "$name" | cut -f 1)" >>"$name/DEBIAN/control"

	find "$name" -type d -exec chmod 755 {} +
	find "$name" -type f -perm /100 -exec chmod 755 {} +
	find "$name" -type f ! -perm /100 -exec chmod 644 {} +
	for file in preinst postinst prerm postrm; do
		[[ ! -e $name/DEBIAN/$file ]] || chmod 755 "$name/DEBIAN/$file"
	done
	(cd "$name" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort |
		xargs -r -d '\n' md5sum >DEBIAN/md5sums)

	find "$name" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
	# More threads would split the archive differently.
	dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$name" "$out/"
}

mkdir "$out"

source=dmp-dkms/usr/src/dmp-$version
mkdir -p "$source"
cp -r --no-preserve=ownership "$module"/. "$source/"
chmod -R u+w "$source"
sed "s/#MODULE_VERSION#/$version/" "$source/dkms/dkms.conf" >"$source/dkms.conf"
rm "$source/dkms/dkms.conf"
mkdir -p dmp-dkms/usr/share/doc/dmp-dkms
mv "$source"/docs/* dmp-dkms/usr/share/doc/dmp-dkms/
rmdir "$source/docs"
# postinst names one of these pages.
cp --no-preserve=ownership "$pages"/*.md dmp-dkms/usr/share/doc/dmp-dkms/
package dmp-dkms

mkdir -p dmpstat/usr
cp -r --no-preserve=ownership "$dmpstat"/. dmpstat/usr/
chmod -R u+w dmpstat
[[ ! -d dmpstat/usr/etc ]] || mv dmpstat/usr/etc dmpstat/
# Units and rules name the program by its path in Nix's store.
{ grep -rlZI "$dmpstat/bin" dmpstat || :; } | xargs -r0 sed -i "s|$dmpstat/bin|/usr/bin|g"
# Debian's zsh searches there.
mv dmpstat/usr/share/zsh/site-functions dmpstat/usr/share/zsh/vendor-completions
find dmpstat/usr/share/man -name '*.[0-9]' -exec gzip -9n {} +
package dmpstat
