# The kernels that dmp is tested on, each with all that is made for it.
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
  # The kernels between, of which only nixpkgs has the source.
  others = lib.optionalAttrs (linuxKernel.kernels ? linux_6_18) {
    "6_18" = machine { upstream = linuxKernel.kernels.linux_6_18; };
  };
}
