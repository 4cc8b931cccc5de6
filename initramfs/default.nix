# What the test machine boots into: busybox, dmsetup, the kernel's modules and
# dmp.ko, in one archive.
{
  lib,
  stdenv,
  kernel,
  dmp,
  busybox,
  lvm2,
  cpio,
  kmod,
}:
stdenv.mkDerivation {
  name = "dmp-initramfs";

  nativeBuildInputs = [
    cpio
    kmod
  ];
  busybox = lib.getExe' busybox "busybox";
  dmsetup = lib.getExe' lvm2 "dmsetup";
  init = ./init;
  modules = "${kernel.modules}/lib/modules/${kernel.modDirVersion}";
  dmpModules = "${dmp}/lib/modules/${kernel.modDirVersion}";
  release = kernel.modDirVersion;

  buildCommand = ''
    mkdir -p root/{bin,dev,lib/modules,proc,run,sys,tmp}
    cd root

    # A program, and at the paths that it knows the libraries that it loads.
    add() {
      local program library
      program=$(readlink -f "$1")
      install -m 755 "$program" bin/$(basename "$1")
      # A static one has none, about which ldd complains.
      { ldd "$program" || true; } | sed -nE 's|^[^/]*(/[^ ]+).*|\1|p' |
        while read -r library; do
          install -D -m 755 "$library" ".$library"
        done
    }
    add $busybox
    add $dmsetup
    for applet in $($busybox --list); do
      [ -e bin/$applet ] || ln -s busybox bin/$applet
    done
    ln -s bin sbin
    mkdir -p usr
    ln -s ../bin usr/bin
    ln -s ../bin usr/sbin
    install -m 755 $init init
    cp -r $modules lib/modules/$release
    chmod -R u+w lib/modules
    cp -r $dmpModules/extra lib/modules/$release/
    depmod --basedir . $release

    # One archive for one content: times, owners, inode numbers and the order
    # are fixed.
    find . -exec touch -h -d @1 {} +
    mkdir -p $out
    find . -mindepth 1 -print0 | LC_ALL=C sort -z |
      cpio --null --create --format=newc --owner=0:0 --reproducible --quiet |
      gzip --no-name --fast >$out/initrd
  '';
}
