# Builds dmp, the initramfs and the Debian packages a second time, as other derivations, and compares.
{
  runCommand,
  kernel,
  dmp,
  initramfs,
  deb,
}:
let
  again = package: package.overrideAttrs (_: { builtAgain = "yes"; });
in
runCommand "dmp-reproducible"
  {
    modules = map (d: "${d}/lib/modules/${kernel.modDirVersion}/extra/dmp.ko") [
      dmp
      (again dmp)
    ];
    initrds = map (i: "${i}/initrd") [
      initramfs
      (again initramfs)
    ];
    debs = [
      deb
      (again deb)
    ];
  }
  ''
    cmp $modules
    cmp $initrds
    diff -r $debs
    touch $out
  ''
