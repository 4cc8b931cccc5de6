# For a NixOS: its kernel's dmp.ko, the volumes that are attached, and the exporter.
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
      description = "The dmpstat that shows the counters and attaches volumes.";
    };

    attach = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [
        "vg/data"
        "vg/db-* no_latency"
      ];
      description = ''
        Volumes to count whenever they are activated or their mapping changes. Each item is a line of
        {file}`/etc/dmp/attach.conf`: the volume's name or a pattern, and options:
        - `no_latency`: leave latencies unmeasured;
        - `flush_bypass`: pass flushes on uncounted, as dm-linear does;
        - `as_dmp`: show dmp in `dmsetup table`, also of LVM's volumes;
        - `as_linear`: show linear there, also of volumes that are not LVM's.

        `dmpstat attach --keep` cannot add lines here.
      '';
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
    services.udev.packages = [ cfg.package ];
    # Units of packages are not enabled by their [Install] sections.
    systemd.paths.dmp-attach.wantedBy = [ "paths.target" ];
    environment.etc."dmp/attach.conf" = lib.mkIf (cfg.attach != [ ]) {
      text = lib.concatMapStrings (line: "${line}\n") cfg.attach;
    };
    systemd.services.dmp-exporter.wantedBy = lib.mkIf cfg.exporter.enable [ "multi-user.target" ];
  };
}
