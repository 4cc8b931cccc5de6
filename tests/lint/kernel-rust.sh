#!/usr/bin/env bash
# Tests the messages of module/dkms/kernel-rust for unsupported and for supported kernels. The kernels, the
# compiler and dpkg are simulated.
set -euo pipefail

module=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/module
kernel_rust=$module/dkms/kernel-rust
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KERNEL_RUST_ROOT=$work/root

rustc="rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)"
build=$work/modules/7.3.4+deb13-amd64/build

stand_in() { # program, script
	printf '#!%s\n%s\n' "$BASH" "$2" >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}

# Makes a Debian that has everything except the Rust metadata, which its headers lack.
fresh() {
	rm -rf "${work:?}"/*
	mkdir -p "$work/bin" "$work/root/etc" "$work/root/usr/src" "$build/include/config" \
		"$work/sysroot/lib/rustlib/src/rust/library/core/src"
	echo ID=debian >"$work/root/etc/os-release"
	touch "$work/root/usr/src/linux-source-7.3.tar.xz" \
		"$work/sysroot/lib/rustlib/src/rust/library/core/src/lib.rs"
	printf '%s\n' CONFIG_X86_64=y CONFIG_RUST=y "CONFIG_RUSTC_VERSION_TEXT=\"$rustc\"" \
		'CONFIG_BINDGEN_VERSION_TEXT="bindgen 0.71.1"' >"$build/include/config/auto.conf"
	echo 7.3.4+deb13-amd64 >"$build/include/config/kernel.release"
	stand_in rustc "[[ \$1 == --version ]] && echo '$rustc' || echo '$work/sysroot'"
	stand_in bindgen 'echo "bindgen 0.71.1"'
	mkdir -p "$build/include/generated" "$build/scripts/basic" "$build/scripts/mod"
	touch "$build/"{Makefile,Module.symvers,include/generated/autoconf.h,scripts/basic/fixdep,scripts/mod/modpost}
	stand_in dpkg-query "echo -n 7.3.4-1~bpo13+1"
}

complete() {
	mkdir -p "$build/rust" "$build/scripts"
	touch "$build/rust/"{libcore,libkernel}.rmeta "$build/rust/libmacros.so" "$build/scripts/target.json"
}

expect() { # exit status, the expected message
	local said status=0
	said=$(PATH=$work/bin:$PATH bash "$kernel_rust" check "$build" 2>&1) || status=$?
	[[ $status == "$1" && $said == "$2" ]] || {
		printf 'kernel-rust says, with %s:\n%s\nnot, with %s:\n%s\n' "$status" "$said" "$1" "$2" >&2
		exit 1
	}
}

fresh
expect 0 ""

fresh
rm -r "$build"
expect 1 "the headers of Linux 7.3.4+deb13-amd64 are missing: apt install linux-headers-7.3.4+deb13-amd64"

echo ID=fedora >"$work/root/etc/os-release"
expect 1 "the headers of Linux 7.3.4+deb13-amd64 are missing: install their package"

fresh
echo 6.12.18 >"$build/include/config/kernel.release"
expect 1 "dmp needs Linux 6.12.19 or later, and this is Linux 6.12.18: boot a newer one"
echo 6.12.19 >"$build/include/config/kernel.release"
complete
expect 0 ""

# The newest supported series, with any patch level.
for new in 7.4.0 7.4.0-rc1 8.0.1; do
	echo $new >"$build/include/config/kernel.release"
	echo ID=debian >"$work/root/etc/os-release"
	expect 1 "dmp is known to work up to Linux 7.3, and this is Linux $new: boot an older one, or apt install --only-upgrade dmp-dkms"
	DMP_ANY_KERNEL=1 expect 0 ""
	echo ID=arch >"$work/root/etc/os-release"
	expect 1 "dmp is known to work up to Linux 7.3, and this is Linux $new: boot an older one, or install a newer dmp"
done
echo 6.13.6 >"$build/include/config/kernel.release"
expect 1 "dmp needs Linux 6.13.7 or later of 6.13, and this is Linux 6.13.6: boot a newer one"
for known in 6.13.7 6.14.0 6.18.13 7.0.0 7.3.99; do
	echo $known >"$build/include/config/kernel.release"
	expect 0 ""
done

fresh
sed -i s/X86_64/ARM64/ "$build/include/config/auto.conf"
expect 1 "dmp is for x86_64, and Linux 7.3.4+deb13-amd64 is for another architecture: boot a kernel for x86_64"

# A broken package of headers, or one without its other half.
for file in Makefile Module.symvers include/generated/autoconf.h scripts/basic/fixdep scripts/mod/modpost; do
	fresh
	rm "$build/$file"
	expect 1 "the headers of Linux 7.3.4+deb13-amd64 lack $file: apt install --reinstall linux-headers-7.3.4+deb13-amd64"
done
echo ID=fedora >"$work/root/etc/os-release"
expect 1 "the headers of Linux 7.3.4+deb13-amd64 lack scripts/mod/modpost: install their package again"

fresh
echo CONFIG_X86_64=y >"$build/include/config/auto.conf"
expect 1 "dmp is written in Rust, and Linux 7.3.4+deb13-amd64 is built without CONFIG_RUST: apt install -t trixie-backports linux-image-amd64 linux-headers-amd64 linux-source"
echo ID=arch >"$work/root/etc/os-release"
expect 1 "dmp is written in Rust, and Linux 7.3.4+deb13-amd64 is built without CONFIG_RUST: boot a kernel with CONFIG_RUST=y"

fresh
stand_in rustc "echo 'rustc 1.96.1 (other)'"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $rustc, and the installed rustc is rustc 1.96.1 (other): apt install --allow-downgrades 'rustc=1.85.1*' 'libstd-rust-dev=1.85.1*' 'rust-src=1.85.1*'"
stand_in rustc "exit 127"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $rustc, and rustc is missing: apt install 'rustc=1.85.1*'"
echo ID=arch >"$work/root/etc/os-release"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $rustc, and rustc is missing: install the rustc that built the kernel"
# Arch updates the compiler independently, and the previous compiler built the kernel.
stand_in rustc "echo 'rustc 1.96.1 (other)'"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $rustc, and the installed rustc is rustc 1.96.1 (other): install the rustc that built the kernel"

# Another patch level of bindgen makes the same bindings; another series may not.
fresh
stand_in bindgen 'echo "bindgen 0.71.9"'
expect 0 ""
stand_in bindgen 'echo "bindgen 0.72.1"'
expect 1 "Linux 7.3.4+deb13-amd64 was built with bindgen 0.71.1, and the installed one is bindgen 0.72.1: apt install 'bindgen=0.71.1*'"
stand_in bindgen "exit 127"
expect 1 "bindgen, which makes dmp's C interfaces, is missing: apt install 'bindgen=0.71.1*'"
echo ID=arch >"$work/root/etc/os-release"
expect 1 "bindgen, which makes dmp's C interfaces, is missing: install bindgen 0.71.1"

fresh
echo CONFIG_MODVERSIONS=y >>"$build/include/config/auto.conf"
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 is missing and cannot be made, because the kernel has CONFIG_MODVERSIONS: install a kernel whose headers have $build/rust/libkernel.rmeta"
complete
expect 0 ""

# Ubuntu's headers have the target, and a link to the folder of a package with the rest.
fresh
echo ID=ubuntu >"$work/root/etc/os-release"
complete
mv "$build/rust" "$work/lib-rust"
ln -s "$work/lib-rust" "$build/rust"
expect 0 ""
rm -r "$work/lib-rust"
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 is missing: apt install linux-lib-rust-7.3.4+deb13-amd64"

# Ubuntu has a package for each version of rustc and bindgen. The program rustc may have another version.
fresh
echo ID=ubuntu >"$work/root/etc/os-release"
complete
ubuntu="rustc 1.82.0 (f6e511eec 2024-10-15) (built from a source tarball)"
printf '%s\n' CONFIG_X86_64=y CONFIG_RUST=y "CONFIG_RUSTC_VERSION_TEXT=\"$ubuntu\"" \
	'CONFIG_BINDGEN_VERSION_TEXT="bindgen 0.65.1"' >"$build/include/config/auto.conf"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $ubuntu, and the installed rustc is $rustc: apt install rustc-1.82"
stand_in rustc "exit 127"
expect 1 "Linux 7.3.4+deb13-amd64 was built by $ubuntu, and rustc is missing: apt install rustc-1.82"
stand_in rustc-1.82 "[[ \$1 == --version ]] && echo '$ubuntu'"
expect 1 "Linux 7.3.4+deb13-amd64 was built with bindgen 0.65.1, and the installed one is bindgen 0.71.1: apt install bindgen-0.65"
stand_in bindgen "exit 127"
expect 1 "bindgen, which makes dmp's C interfaces, is missing: apt install bindgen-0.65"
stand_in bindgen-0.65 'echo "bindgen 0.65.1"'
expect 0 ""
# make uses these programs, and clang if clang built the kernel.
# shellcheck disable=SC2016
echo 'modules: ; @echo $(RUSTC) $(HOSTRUSTC) $(RUSTDOC) $(BINDGEN) LLVM=$(LLVM)$(if $(filter command,$(origin CC)), CC=$(CC))' >"$build/Makefile"
told() { # the variables for the kernel's Makefile, arguments
	local said
	said=$(env -u LLVM PATH="$work/bin:$PATH" make --silent -C "$module" KDIR="$build" "${@:2}" modules)
	[[ $said == "$1" ]] || {
		printf 'make passes to the kernel:\n%s\nnot:\n%s\n' "$said" "$1" >&2
		exit 1
	}
}
told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM="
echo CONFIG_CC_IS_CLANG=y >>"$build/include/config/auto.conf"
told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM= CC=clang"
told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM= CC=clang-19" CC=clang-19
# The kernel's Makefile ignores compilers in the environment.
CC=gcc RUSTC=mine told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM= CC=clang"
told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM=-19" LLVM=-19
echo CONFIG_LD_IS_LLD=y >>"$build/include/config/auto.conf"
told "rustc-1.82 rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM=1"
# A program that make's caller names stays.
told "mine rustc-1.82 rustdoc-1.82 bindgen-0.65 LLVM=-19" RUSTC=mine LLVM=-19
# Programs that make finds without help are not named.
stand_in rustc "echo '$ubuntu'"
stand_in bindgen 'echo "bindgen 0.65.1"'
told "LLVM=1"

# Arch's headers have all of it, and Fedora's only the target, on any machine.
fresh
echo ID=arch >"$work/root/etc/os-release"
complete
expect 0 ""
echo ID=fedora >"$work/root/etc/os-release"
rm -r "$build/rust"
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 is missing, also from the headers of the distribution: install headers that have $build/rust/libkernel.rmeta, or build the kernel yourself"

fresh
stand_in dpkg-query "exit 1"
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 is missing, and the kernel is not from a package of Debian: install headers that have $build/rust/libkernel.rmeta"

fresh
# shellcheck disable=SC2016
stand_in dpkg-query '[[ ${*: -1} == linux-headers-* ]] && echo -n 7.3.4-1~bpo13+1'
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 must be made from the kernel's source, and the source is missing: apt install linux-source-7.3=7.3.4-1~bpo13+1"
# shellcheck disable=SC2016
stand_in dpkg-query '[[ ${*: -1} == linux-headers-* ]] && echo -n 7.3.4-1~bpo13+1 || echo -n 7.3.5-1~bpo13+1'
expect 1 "the Rust metadata of Linux 7.3.4+deb13-amd64 must be made from the kernel's source, and the installed source is 7.3.5-1~bpo13+1, not 7.3.4-1~bpo13+1: apt install linux-source-7.3=7.3.4-1~bpo13+1"

fresh
rm -r "$work/sysroot"
expect 1 "the source of Rust's own library is missing: apt install 'rust-src=1.85.1*'"

# Nothing is made if nothing is missing, and nothing is replaced.
fresh
complete
PATH=$work/bin:$PATH bash "$kernel_rust" make "$build" "$work/kdir"
[[ $(readlink "$work/kdir") == "$build" ]]
said=$(PATH=$work/bin:$PATH bash "$kernel_rust" make "$build" "$work/kdir") && exit 1
[[ $said == "$work/kdir exists already: name a new directory" ]]

# The script that DKMS calls builds dmp.ko, or prints one sentence. Only dmp.ko and the log remain.
builds() { # exit status, the expected message, rules of the kernel's Makefile
	local said status=0
	printf '%s\n' "${@:3}" >"$build/Makefile"
	said=$(PATH=$work/bin:$PATH bash "$module/dkms/build" "$build" "$work/cache" 2>/dev/null) || status=$?
	[[ $status == "$1" && $said == "$2" ]] || {
		printf 'build says, with %s:\n%s\nnot, with %s:\n%s\n' "$status" "$said" "$1" "$2" >&2
		cat "$work/cache/make.log" >&2
		exit 1
	}
	said=$(cd "$work/cache" && printf '%s\n' * | paste -s -d ,)
	[[ $said == "$([[ $1 != 0 ]] || echo dmp.ko,)make.log" ]] || {
		printf 'build leaves:\n%s\n' "$said" >&2
		exit 1
	}
}
fresh
complete
# shellcheck disable=SC2016
made='modules: ; touch $(M)/dmp.ko'
builds 1 "the headers of Linux 7.3.4+deb13-amd64 do not compile: install linux-headers-7.3.4+deb13-amd64 again, or see $work/cache/make.log" \
	"wrappers/helpers/helpers.o: ; false" "$made"
builds 0 "" "wrappers/helpers/helpers.o: ;" "$made"
# shellcheck disable=SC2016
builds 1 "dmp needs rustc 1.82 or later on Linux 6.12" \
	'wrappers/helpers/helpers.o: ; $(error dmp needs rustc 1.82 or later on Linux 6.12)' "$made"
builds 1 "the build of dmp for Linux 7.3.4+deb13-amd64 failed: see the end of $work/cache/make.log" \
	"wrappers/helpers/helpers.o: ;" "modules: ; false"
stand_in bindgen "exit 127"
said=$(PATH=$work/bin:$PATH bash "$module/dkms/build" "$build" "$work/cache") && exit 1
[[ $said == "bindgen, which makes dmp's C interfaces, is missing: apt install 'bindgen=0.71.1*'" ]]
