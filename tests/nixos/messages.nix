# services.dmp on NixOS with a supported kernel, and its messages with others. This only evaluates.
{
  lib,
  pkgs,
  runCommand,
  module,
}:
let
  # The failed assertions of services.dmp, or "nothing" if there are none.
  said =
    system: configuration:
    let
      nixos = import (pkgs.path + "/nixos/lib/eval-config.nix") {
        inherit system;
        modules = [
          module
          {
            services.dmp.enable = true;
            boot.loader.grub.enable = false;
            fileSystems."/" = {
              device = "/dev/vda";
              fsType = "ext4";
            };
            system.stateVersion = lib.trivial.release;
          }
          configuration
        ];
      };
      failed = builtins.filter (
        { assertion, message, ... }: !assertion && lib.hasPrefix "services.dmp" message
      ) nixos.config.assertions;
    in
    if failed != [ ] then
      lib.concatMapStringsSep "\n" (assertion: assertion.message) failed
    else
      # The whole system is evaluated.
      builtins.seq nixos.config.system.build.toplevel.drvPath "nothing";

  withoutRust = {
    name = "without-rust";
    patch = null;
    structuredExtraConfig.RUST = lib.mkForce lib.kernel.no;
  };
  noRust = name: ''
    services.dmp: dmp needs a kernel with CONFIG_RUST=y, and ${name} of boot.kernelPackages has none: ${""
    }set it to pkgs.linuxPackages or pkgs.linuxPackages_latest, with nothing in boot.kernelPatches that ${""
    }switches RUST off; a kernel of linuxManualConfig has to be given config.CONFIG_RUST = "y"'';
  old = pkgs.linuxKernel.packages.linux_6_6;
  manual = pkgs.linuxPackagesFor (
    pkgs.linuxManualConfig {
      inherit (pkgs.linuxKernel.kernels.linux_6_12) version modDirVersion src;
      inherit (pkgs.linuxKernel.kernels.linux_6_12) configfile;
      config.CONFIG_MODULES = "y";
    }
  );

  cases = [
    {
      said = said "x86_64-linux" { };
      expected = "nothing";
    }
    {
      said = said "x86_64-linux" { boot.kernelPackages = pkgs.linuxPackages_latest; };
      expected = "nothing";
    }
    {
      said = said "x86_64-linux" { boot.kernelPatches = [ withoutRust ]; };
      expected = noRust pkgs.linuxPackages.kernel.name;
    }
    # The former remedy.
    {
      said = said "x86_64-linux" {
        boot.kernelPatches = [
          withoutRust
          {
            name = "rust";
            patch = null;
            features.rust = true;
          }
        ];
      };
      expected = noRust pkgs.linuxPackages.kernel.name;
    }
    {
      said = said "x86_64-linux" { boot.kernelPackages = manual; };
      expected = noRust manual.kernel.name;
    }
    {
      said = said "x86_64-linux" { boot.kernelPackages = old; };
      expected =
        "services.dmp: dmp needs Linux 6.12.19 or later, and boot.kernelPackages has ${old.kernel.version}: "
        + "set it to pkgs.linuxPackages or pkgs.linuxPackages_latest";
    }
    {
      said = said "aarch64-linux" { };
      expected = "services.dmp: dmp is for x86_64-linux, and this system is aarch64-linux: do not enable it there";
    }
  ];
  wrong = builtins.filter (case: case.said != case.expected) cases;
in
if wrong == [ ] then
  runCommand "dmp-nixos-messages" { } "touch $out"
else
  throw (
    lib.concatMapStringsSep "\n" (case: "services.dmp says:\n${case.said}\nnot:\n${case.expected}") wrong
  )
