# The kernels on which dmp is tested, each with everything that is built for it.
{
  lib,
  callPackage,
  linuxKernel,
  dmpstat,
}:
let
  machine = choice: callPackage ./per-kernel.nix { inherit choice dmpstat; };
in
{
  lts = machine { };
  debug = machine { variant = "debug"; };
  latest = machine { upstream = linuxKernel.packageAliases.linux_latest.kernel; };
  # The intermediate kernels, whose sources only nixpkgs has.
  others = lib.optionalAttrs (linuxKernel.kernels ? linux_6_18) {
    "6_18" = machine { upstream = linuxKernel.kernels.linux_6_18; };
  };
}
