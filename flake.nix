{
  description = "dmp: a device-mapper target that counts what passes through it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};

      kernel = pkgs.callPackage ./kernel { };
      dmp = pkgs.callPackage ./module { inherit kernel; };
      initramfs = pkgs.callPackage ./initramfs { inherit kernel dmp; };
      dmp-vm = pkgs.callPackage ./tests { };

      machine = { inherit kernel initramfs dmp-vm; };
      vm = pkgs.callPackage ./tests/vm.nix machine;
      demo = pkgs.callPackage ./tests/vm.nix (
        machine
        // {
          name = "demo";
          script = ./tests/demo.sh;
        }
      );

      lint = pkgs.callPackage ./tests/lint.nix {
        inherit kernel dmp;
        source = self;
      };

      app = package: {
        type = "app";
        program = pkgs.lib.getExe package;
      };
    in
    {
      packages.${system} = {
        inherit
          kernel
          dmp
          initramfs
          vm
          demo
          ;
        default = dmp;
      };

      apps.${system} = {
        vm = app vm;
        demo = app demo;
        default = app demo;
      };

      devShells.${system}.default = pkgs.mkShell {
        inputsFrom = [
          dmp
          dmp-vm
        ];
        packages = [
          pkgs.cargo
          pkgs.clippy
          pkgs.rustfmt
          pkgs.shellcheck
          pkgs.shfmt
        ];
        # `make -C module` and `cargo run` in tests/ find what they need.
        KDIR = "${kernel.dev}/lib/modules/${kernel.modDirVersion}/build";
        DMP_VM_KERNEL = "${kernel}/bzImage";
        DMP_VM_QEMU = pkgs.lib.getExe' pkgs.qemu_test "qemu-system-x86_64";
      };

      formatter.${system} = pkgs.callPackage ./tests/formatter.nix { };

      # dmp in the packages of every kernel: linuxPackages.dmp, and so on.
      overlays.default = _: prev: {
        kernelPackagesExtensions = prev.kernelPackagesExtensions ++ [
          (linux: _: { dmp = linux.callPackage ./module { }; })
        ];
      };

      # For a NixOS whose kernel has CONFIG_RUST: its dmp.ko, loaded at boot.
      nixosModules.dmp =
        { config, ... }:
        {
          boot.extraModulePackages = [ (config.boot.kernelPackages.callPackage ./module { }) ];
          boot.kernelModules = [ "dmp" ];
        };

      checks.${system} = {
        inherit (lint) clippy rustfmt shell;
        tests = pkgs.callPackage ./tests/check.nix { inherit kernel initramfs; };
        reproducible = pkgs.callPackage ./tests/reproducible.nix { inherit kernel dmp initramfs; };
      };
    };
}
