# services.dmp on NixOS: a volume in use is attached, counts exactly, and is scraped. On a second
# NixOS, the switch to a configuration with services.dmp attaches the volume.
{ testers, module }:
testers.runNixOSTest {
  name = "dmp";

  nodes.machine =
    { pkgs, ... }:
    {
      imports = [ module ];
      boot.kernelPackages = pkgs.linuxPackages_latest;
      virtualisation.emptyDiskImages = [ 512 ];
      services.dmp = {
        enable = true;
        attach = [ "vg/data" ];
        exporter.enable = true;
        exporter.textfile = "/var/lib/node-exporter/dmp.prom";
      };
      systemd.tmpfiles.rules = [ "d /var/lib/node-exporter 0755 root root" ];
      environment.systemPackages = [ pkgs.curl ];
    };

  nodes.switched = {
    virtualisation.emptyDiskImages = [ 512 ];
    services.lvm.enable = true;
    specialisation.counted.configuration = {
      imports = [ module ];
      services.dmp = {
        enable = true;
        attach = [ "vg/data" ];
      };
    };
  };

  testScript = ''
    machine.wait_for_unit("multi-user.target")
    machine.succeed(
        "vgcreate vg /dev/vdb",
        "lvcreate --yes --name data --size 256M vg",
        "mkfs.ext4 -q /dev/vg/data",
        "mount /dev/vg/data /mnt",
        "dd if=/dev/zero of=/mnt/file bs=4k count=100 && sync",
    )
    machine.wait_until_succeeds("dmpstat status | grep '^vg-data .* attached '")
    machine.succeed(
        "dmpstat reset vg/data",
        "dd if=/mnt/file of=/dev/null bs=4k count=100 iflag=direct",
        "grep -x 100 /sys/module/dmp/stat/dm-0/read/requests",
    )
    machine.wait_for_unit("dmp-exporter.service")
    machine.succeed("curl --fail --silent http://127.0.0.1:10367/metrics | grep dmp_request_size_bytes_count")
    machine.wait_until_succeeds("grep ^dmp_request_size_bytes_count /var/lib/node-exporter/dmp.prom")

    switched.wait_for_unit("multi-user.target")
    switched.succeed(
        "vgcreate vg /dev/vdb",
        "lvcreate --yes --name data --size 256M vg",
        "/run/current-system/specialisation/counted/bin/switch-to-configuration test",
        "dmpstat status | grep '^vg-data .* attached '",
        "! systemctl is-failed dmp-switch.service",
    )
  '';
}
