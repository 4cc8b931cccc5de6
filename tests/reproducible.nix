# Builds dmp and the initramfs a second time, as other derivations, and compares.
{
  runCommand,
  kernel,
  dmp,
  initramfs,
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
  }
  ''
    cmp $modules
    cmp $initrds
    touch $out
  ''
