# For a NixOS: its kernel's dmp.ko, loaded at boot.
{ config, ... }:
let
  inherit (config.boot) kernelPackages;
  dmp = kernelPackages.callPackage ./. { };
in
{
  assertions = [
    {
      assertion = !dmp.meta.broken;
      message =
        "dmp needs a kernel from 6.12 on with CONFIG_RUST=y, and boot.kernelPackages is "
        + "${kernelPackages.kernel.name} without";
    }
  ];
  boot.extraModulePackages = [ dmp ];
  boot.kernelModules = [ "dmp" ];
}
