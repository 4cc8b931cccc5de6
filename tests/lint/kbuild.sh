#!/usr/bin/env bash
# Tests that module/Kbuild refuses unsupported kernels, that wrappers/Kbuild.include finds the interfaces of
# each kernel, that dmp can be built into another folder, and that bindgen gets no flags of LTO. Runs in a copy
# of module/, with make's arguments.
set -euo pipefail

for argument; do
	[[ $argument != KDIR=* ]] || kdir=${argument#KDIR=}
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wrong() { # the failure, make's output
	printf '%s; make says:\n%s\n' "$1" "$2" >&2
	exit 1
}

refused() { # the expected message, a command
	local said
	if said=$("${@:2}" 2>&1); then
		wrong "expected the message \"$1\"" "$said"
	fi
	[[ $said == *"$1"* ]] || wrong "expected the message \"$1\"" "$said"
}

version() { # version, patch level, sublevel, further arguments of make
	make "${arguments[@]}" VERSION="$1" PATCHLEVEL="$2" SUBLEVEL="$3" "${@:4}" modules
}
arguments=("$@")

old="dmp needs Linux 6.12.19 or later (6.13.7 or later of 6.13): this is"
refused "$old 6.12.18" version 6 12 18
refused "$old 6.11.99" version 6 11 99
refused "$old 5.19.20" version 5 19 20
refused "$old 6.13.0" version 6 13 0
refused "$old 6.13.6" version 6 13 6
for new in "6 12 19" "6 12 118" "6 13 7" "6 13 12" "6 14 0" "7 0 0" "7 12 0"; do
	read -ra new <<<"$new"
	# make only prints the commands.
	said=$(version "${new[@]}" --dry-run 2>&1) || true
	[[ $said != *"dmp needs"* ]] || wrong "${new[*]} is new enough" "$said"
done

rustc() { # Linux's version and patch level, rustc's version in the configuration
	version "$1" "$2" 99 CONFIG_RUSTC_VERSION="$3" CONFIG_RUSTC_VERSION_TEXT='"rustc 1.x"' "${@:4}"
}
refused "dmp needs rustc 1.82 or later on Linux 6.12: this kernel was built by rustc 1.x." rustc 6 12 108199
refused "dmp needs rustc 1.81 or later on Linux 6.13: this kernel was built by rustc 1.x." rustc 6 13 108099
refused "dmp needs rustc 1.81 or later on Linux 7.3: this kernel was built by rustc 1.x." rustc 7 3 107900
for new in "6 12 108200" "6 13 108100" "7 3 108501" "7 3 109801"; do
	read -ra new <<<"$new"
	said=$(rustc "${new[@]}" --dry-run 2>&1) || true
	[[ $said != *"dmp needs"* ]] || wrong "the rustc of ${new[*]} is new enough" "$said"
done

# Lines of each kernel's headers that Kbuild.include looks for, and the cfgs that these lines and the version
# must give. Later releases of a series, and the omitted series, have the same ones.
finds() { # version, its cfgs, pairs of a header and some lines of it
	local version=$1 wanted=$2 headers=$work/headers/$1 flags numbers
	IFS=. read -ra numbers <<<"$version"
	shift 2
	while (($#)); do
		mkdir -p "$headers/$(dirname "$1")"
		echo "$2" >>"$headers/$1"
		shift 2
	done
	# shellcheck disable=SC2016 # What make expands.
	flags=$(printf '%s\n' "srctree := $headers" 'src := .' 'wrappers := wrappers/' \
		'wrappers-main := main' 'wrappers-helpers := helpers' 'include wrappers/Kbuild.include' \
		'.DEFAULT_GOAL := flags' \
		'flags: ; @echo $(filter dmp_%,$(RUSTFLAGS_main.o)) $(CFLAGS_helpers.o)' |
		make --silent VERSION="${numbers[0]}" PATCHLEVEL="${numbers[1]}" --file=- 2>&1) || wrong "make failed for the headers of $version" "$flags"
	[[ $flags == "$wanted" ]] || wrong "expected \"$wanted\" from the headers of $version" "$flags"
}
dm=include/linux/device-mapper.h
sysfs=include/linux/sysfs.h
current=arch/x86/include/asm/current.h

ioctl='typedef int (*dm_prepare_ioctl_fn) (struct dm_target *ti, struct block_device **bdev);'
ioctl_forward='typedef int (*dm_prepare_ioctl_fn) (struct dm_target *ti, struct block_device **bdev,
				    unsigned int cmd, unsigned long arg,
				    bool *forward);'
read='	ssize_t (*read)(struct file *, struct kobject *, struct bin_attribute *,
			char *, loff_t, size_t);'
read_const='	ssize_t (*read)(struct file *, struct kobject *, const struct bin_attribute *,
			char *, loff_t, size_t);'
read_new='	ssize_t (*read_new)(struct file *, struct kobject *, const struct bin_attribute *,
			    char *, loff_t, size_t);'
attrs='	struct attribute	**attrs;'
attrs_const='	union {
		struct attribute	**attrs;
		const struct attribute	*const *attrs_const;
	};'
hot='struct pcpu_hot {'
count='DECLARE_PER_CPU_CACHE_HOT(struct task_struct *, current_task);'

finds 6.12.118 "dmp_pcpu_hot -DDMP_PCPU_HOT" $dm "$ioctl" $sysfs "$attrs" $sysfs "$read" $current "$hot"
for version in 6.13.7 6.14.0; do
	finds $version "dmp_pcpu_hot -DDMP_PCPU_HOT" $dm "$ioctl" $sysfs "$attrs" $sysfs "$read" \
		$sysfs "$read_new" $current "$hot"
done
finds 6.17.0 "dmp_prepare_ioctl_cmd dmp_bin_attribute_const" $dm "$ioctl_forward" $sysfs "$attrs" \
	$sysfs "$read_const" $sysfs "$read_new" $current "$count"
finds 6.18.13 "dmp_prepare_ioctl_cmd dmp_bin_attribute_const" $dm "$ioctl_forward" $sysfs "$attrs" \
	$sysfs "$read_const" $current "$count"
for version in 6.19.9 7.0.0 7.1.5 7.2.12; do
	finds $version "dmp_prepare_ioctl_cmd dmp_attrs_union dmp_bin_attribute_const" $dm "$ioctl_forward" \
		$sysfs "$attrs_const" $sysfs "$read_const" $current "$count"
done
for version in 7.3.0 7.3.4 8.0.0; do
	finds $version "dmp_prepare_ioctl_cmd dmp_attrs_union dmp_bin_attribute_const dmp_rcu" $dm \
		"$ioctl_forward" $sysfs "$attrs_const" $sysfs "$read_const" $current "$count"
done

refused "this kernel was built without CONFIG_RUST=y" make "$@" CONFIG_RUST= modules

# dmp as a part of the kernel. A separate object would be compiled without the kernel's configuration.
cp -r . "$work/built-in"
sed -i 's/^obj-m := /obj-y := /' "$work/built-in/Kbuild"
refused "dmp can only be a module: obj-m" \
	make -C "$kdir" "$@" M="$work/built-in" need-config=1 wrappers/helpers/helpers.o

# From 6.13 on a module can be built into another folder. Its sources may then be read-only.
kernel=$(make -s -C "$kdir" kernelversion)
if [[ $kernel != 6.12.* ]]; then
	cp -r . "$work/sources"
	make -C "$kdir" "$@" M="$work/sources" clean >"$work/log" 2>&1
	before=$(find "$work/sources" | sort)
	make -C "$kdir" "$@" M="$work/sources" MO="$work/objects" modules >"$work/log" 2>&1 ||
		wrong "the build with MO= failed" "$(tail -n 30 "$work/log")"
	[[ -e $work/objects/dmp.ko ]] || wrong "dmp.ko is not in the folder of MO=" "$(ls "$work/objects")"
	after=$(find "$work/sources" | sort)
	[[ $after == "$before" ]] || wrong "the build changed the sources" "$after"
fi

# Only bindgen runs: the C compiler knows these flags only with LTO, and compiles nothing here.
flags="-flto=thin -fsplit-lto-unit"
said=$(make -C "$kdir" "$@" M="$PWD" V=1 CC_FLAGS_LTO="$flags" KCFLAGS="$flags" dmp_main.o 2>&1) ||
	wrong "the module does not compile with flags of LTO" "$said"
bindgen=$(grep -F 'bindings.h ' <<<"$said") || wrong "bindgen did not run" "$said"
[[ $bindgen != *-flto* && $bindgen != *-fsplit-lto-unit* ]] ||
	wrong "bindgen got flags of LTO" "$bindgen"
