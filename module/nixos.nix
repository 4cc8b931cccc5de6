# For a NixOS: its kernel's dmp.ko, dmpstat, and the exporter.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.boot) kernelPackages;
  dmp = kernelPackages.callPackage ./. { };
  cfg = config.services.dmp;
in
{
  options.services.dmp = {
    enable = lib.mkEnableOption "dmp, a device-mapper target that counts what passes through it";

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ../dmpstat { };
      defaultText = lib.literalMD "dmpstat of this flake";
      description = "The dmpstat that shows the counters.";
    };

    exporter.enable = lib.mkEnableOption "dmp's exporter for Prometheus, {file}`dmp-exporter.service`";
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !dmp.meta.broken;
        message =
          "services.dmp needs a kernel from 6.12 on with CONFIG_RUST=y, and boot.kernelPackages is "
          + "${kernelPackages.kernel.name} without: choose another, or add to boot.kernelPatches "
          + "{ name = \"rust\"; patch = null; features.rust = true; }";
      }
    ];
    boot.extraModulePackages = [ dmp ];
    boot.kernelModules = [ "dmp" ];

    environment.systemPackages = [ cfg.package ];
    systemd.packages = [ cfg.package ];
    systemd.services.dmp-exporter.wantedBy = lib.mkIf cfg.exporter.enable [ "multi-user.target" ];
  };
}
