# The initramfs with further tools for some tests: tools that storage engineers use, and the
# project's own modules (in /lib/dmp-tests and /lib/dmp-samples). Unpacking it takes the machine a
# second longer.
{
  lib,
  stdenv,
  initramfs,
  testModules,
  samples,
  btrfs-progs,
  busybox,
  cpio,
  e2fsprogs,
  fio,
  lvm2,
  rustPlatform,
  sysstat,
  thin-provisioning-tools,
  util-linux,
}:
let
  # Neither nixpkgs nor Debian has fsx: it is the only dependency of an empty crate.
  fsx = rustPlatform.buildRustPackage {
    pname = "fsx";
    version = "0.3.2";
    src = ./fsx;
    cargoLock.lockFile = ./fsx/Cargo.lock;
    cargoBuildFlags = [ "--package=fsx" ];
    # auditable needs the dependencies of fsx's own tests, which the lock file lacks.
    auditable = false;
    doCheck = false;
  };
in
stdenv.mkDerivation {
  name = "dmp-initramfs-tools";

  nativeBuildInputs = [ cpio ];
  inherit initramfs testModules samples;
  archive = ./archive.sh;
  busybox = lib.getExe' busybox "busybox";
  programs = [
    (lib.getExe' btrfs-progs "btrfs")
    (lib.getExe' btrfs-progs "mkfs.btrfs")
    (lib.getExe' e2fsprogs "e2fsck")
    (lib.getExe' e2fsprogs "e4crypt")
    (lib.getExe' e2fsprogs "mkfs.ext4")
    (lib.getExe' fio "fio")
    (lib.getExe' fsx "fsx")
    (lib.getExe' lvm2 "lvm")
    (lib.getExe' sysstat "iostat")
    (lib.getExe' thin-provisioning-tools "pdata_tools")
    (lib.getExe' util-linux "blkdiscard")
    (lib.getExe' util-linux "blkzone")
  ];

  buildCommand = ''
    . $archive
    mkdir root
    cd root
    for program in $programs; do
      add $program usr/local/bin
    done
    install -D -m 444 $testModules/*.ko -t lib/dmp-tests
    install -D -m 444 $samples/*.ko -t lib/dmp-samples

    add_busybox $busybox $(ls usr/local/bin)

    # The kernel unpacks one archive after the other. The second archive is not compressed, so it
    # unpacks faster, and has to begin at a multiple of four bytes.
    mkdir -p $out
    cat $initramfs/initrd >$out/initrd
    truncate --size=%4 $out/initrd
    pack >>$out/initrd
  '';
}
