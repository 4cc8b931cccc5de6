# A NixOS module: the kernel's dmp.ko, the attached volumes, and the exporter.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.boot) kernelPackages;
  inherit (kernelPackages) kernel;
  dmp = kernelPackages.callPackage ./. { };
  cfg = config.services.dmp;

  # The reason why dmp cannot be built, and the remedy.
  refusal =
    if !pkgs.stdenv.hostPlatform.isx86_64 then
      "dmp is for x86_64-linux, and this system is ${pkgs.stdenv.hostPlatform.system}: do not enable it there"
    else if kernel.kernelOlder "6.12.19" then
      "dmp needs Linux 6.12.19 or later, and boot.kernelPackages has ${kernel.version}: "
      + "set it to pkgs.linuxPackages or pkgs.linuxPackages_latest"
    else
      "dmp needs a kernel with CONFIG_RUST=y, and ${kernel.name} of boot.kernelPackages has none: "
      + "set it to pkgs.linuxPackages or pkgs.linuxPackages_latest, with nothing in boot.kernelPatches that "
      + "switches RUST off; a kernel of linuxManualConfig has to be given config.CONFIG_RUST = \"y\"";
in
{
  options.services.dmp = {
    enable = lib.mkEnableOption "dmp, a device-mapper target that counts requests";

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

    record.enable = lib.mkEnableOption "a recording of dmp devices, {file}`dmp-record.service`";

    exporter.enable = lib.mkEnableOption "dmp's exporter for Prometheus, {file}`dmp-exporter.service`";

    exporter.textfile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/var/lib/node-exporter/dmp.prom";
      description = ''
        A file that {file}`dmp-exporter-textfile.service` rewrites regularly, for the textfile collector of
        node_exporter. Its directory has to exist, belong to root, and be that of
        `--collector.textfile.directory` in {option}`services.prometheus.exporters.node.extraFlags`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !dmp.meta.broken && lib.meta.availableOn pkgs.stdenv.hostPlatform dmp;
        message = "services.dmp: ${refusal}";
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
    # Attaches existing volumes, because a switch of the configuration causes no udev event for them. Also
    # loads the module, because modprobe searches the booted system, not the new one.
    systemd.services.dmp-switch = {
      description = "Count the listed volumes that are in use already";
      wantedBy = [ "multi-user.target" ];
      after = [ "systemd-modules-load.service" ];
      restartTriggers = [
        dmp
        cfg.package
      ]
      ++ cfg.attach;
      path = [
        cfg.package
        pkgs.kmod
      ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      script = ''
        if [ ! -d /sys/module/dmp ]; then
          if [ "$(readlink -f /run/booted-system/kernel)" != "$(readlink -f /run/current-system/kernel)" ]; then
            echo "No volume is attached before the next boot: dmp is built for ${kernel.name}," \
              "and Linux $(uname -r) of another system is running"
            exit 0
          fi
          modprobe -d /run/current-system/kernel-modules dmp
        fi
        dmpstat attach --all
      '';
    };
    systemd.services.dmp-record.wantedBy = lib.mkIf cfg.record.enable [ "multi-user.target" ];
    systemd.services.dmp-exporter.wantedBy = lib.mkIf cfg.exporter.enable [ "multi-user.target" ];
    systemd.services.dmp-exporter-textfile = lib.mkIf (cfg.exporter.textfile != null) {
      wantedBy = [ "multi-user.target" ];
      environment.DMP_EXPORTER_TEXTFILE = cfg.exporter.textfile;
    };
  };
}
