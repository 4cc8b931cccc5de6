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
      description = "The dmpstat that shows the counters, and that attaches volumes.";
    };

    attach = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [
        "vg/data latency"
        "vg/db-*"
      ];
      description = ''
        The volumes whose linear mapping dmp takes the place of when they come, and again when
        their mapping changes: each a line of {file}`/etc/dmp/attach.conf`, the volume's name or
        a pattern, and options.
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
    # The rule names systemctl where others have it; what is not there, udev's rules are not built with.
    services.udev.packages = [
      (pkgs.runCommand "dmp-udev-rules" { } ''
        mkdir -p $out/lib/udev/rules.d
        for rule in ${cfg.package}/lib/udev/rules.d/*; do
          sed 's|/usr/bin/systemctl|/run/current-system/systemd/bin/systemctl|' $rule \
            >$out/lib/udev/rules.d/$(basename $rule)
        done
      '')
    ];
    environment.etc."dmp/attach.conf" = lib.mkIf (cfg.attach != [ ]) {
      text = lib.concatMapStrings (line: "${line}\n") cfg.attach;
    };
    systemd.services.dmp-exporter.wantedBy = lib.mkIf cfg.exporter.enable [ "multi-user.target" ];
  };
}
