# The initramfs of the test machine: busybox, dmsetup, dmpstat, the kernel's modules and dmp.ko, in
# one archive.
{
  lib,
  stdenv,
  kernel,
  dmp,
  dmpstat,
  busybox,
  coreutils,
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
  # busybox's dd silently reads through the page cache if bs is below 4 KiB.
  dd = lib.getExe' coreutils "dd";
  dmsetup = lib.getExe' lvm2 "dmsetup";
  dmpstat = lib.getExe dmpstat;
  init = ./init;
  man = ./man;
  wake = ./wake.c;
  archive = ./archive.sh;
  modules = "${kernel.modules}/lib/modules/${kernel.modDirVersion}";
  dmpModules = "${dmp}/lib/modules/${kernel.modDirVersion}";
  release = kernel.modDirVersion;

  buildCommand = ''
    . $archive
    cc -Wall -Wextra -Werror -O2 -o wake $wake
    mkdir -p root/{bin,dev,lib/modules,proc,run,sys,tmp}
    cd root

    add $dd bin
    install -m 755 $man bin/man
    add_busybox $busybox
    add $dmsetup bin
    add $dmpstat bin
    add ../wake bin
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

    mkdir -p $out
    pack | gzip --no-name --fast >$out/initrd
  '';
}
