{
  description = "dmp: a device-mapper target that counts what passes through it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};
      inherit (pkgs) lib linuxKernel;

      dmp-vm = pkgs.callPackage ./tests { };

      # A kernel, and all that is made for it.
      machine =
        choice:
        let
          kernel = pkgs.callPackage ./kernel choice;
          dmp = pkgs.callPackage ./module { inherit kernel; };
          initramfs = pkgs.callPackage ./initramfs { inherit kernel dmp; };
          tools = pkgs.callPackage ./initramfs/tools.nix { inherit initramfs; };
          environment = pkgs.callPackage ./tests/environment.nix {
            inherit
              kernel
              dmp
              initramfs
              tools
              ;
            debugging = choice.variant or null == "debug";
          };
          check = run: pkgs.callPackage ./tests/check.nix ({ inherit environment; } // run);
          stress = check {
            name = "stress";
            filter = "binary(stress)";
          };
          # The benchmark's kernel is closer to those that people use.
          measured = machine (choice // { variant = "bench"; });
        in
        {
          inherit
            kernel
            dmp
            initramfs
            tools
            stress
            ;
          vm = pkgs.callPackage ./tests/vm.nix { inherit dmp-vm environment; };
          demo = pkgs.callPackage ./tests/vm.nix {
            inherit dmp-vm environment;
            name = "demo";
            script = ./tests/demo.sh;
          };
          tests = check { };
          soak = pkgs.callPackage ./tests/soak.nix { inherit stress environment; };
          inherit
            (pkgs.callPackage ./tests/bench.nix {
              inherit (measured)
                kernel
                dmp
                initramfs
                tools
                ;
            })
            bench
            bench-smoke
            ;
        };
      lts = machine { };
      debug = machine { variant = "debug"; };
      latest = machine { upstream = linuxKernel.packageAliases.linux_latest.kernel; };
      # The kernels between, of which only nixpkgs has the source.
      others = lib.optionalAttrs (linuxKernel.kernels ? linux_6_18) {
        "6_18" = machine { upstream = linuxKernel.kernels.linux_6_18; };
      };
      # Their packages (or checks), with the kernel's name behind each.
      named =
        names: machines:
        lib.concatMapAttrs (
          kernel: packages: lib.mapAttrs' (name: lib.nameValuePair "${name}-${kernel}") (names packages)
        ) machines;

      fuzz = pkgs.callPackage ./tests/fuzz.nix { };
      lint = pkgs.callPackage ./tests/lint.nix {
        inherit fuzz;
        modules = [
          lts.dmp
          latest.dmp
        ];
        source = self;
      };

      app = package: {
        type = "app";
        program = lib.getExe package;
      };
    in
    {
      packages.${system} = {
        inherit (lts)
          kernel
          dmp
          initramfs
          vm
          demo
          soak
          bench
          ;
        default = lts.dmp;
      }
      // named ({ kernel, dmp, vm, soak, bench, ... }: { inherit kernel dmp vm soak bench; }) (
        others // { inherit debug latest; }
      );

      apps.${system} = {
        vm = app lts.vm;
        demo = app lts.demo;
        soak = app lts.soak;
        bench = app lts.bench;
        default = app lts.demo;
      };

      devShells.${system}.default = pkgs.mkShell {
        inputsFrom = [
          lts.dmp
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
        KDIR = "${lts.kernel.dev}/lib/modules/${lts.kernel.modDirVersion}/build";
        DMP_VM_KERNEL = "${lts.kernel}/bzImage";
        DMP_VM_QEMU = lib.getExe' pkgs.qemu_test "qemu-system-x86_64";
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
        inherit (lint)
          clippy
          rustdoc
          rustfmt
          shell
          ;
        inherit (lts) tests stress bench-smoke;
        inherit fuzz;
        reproducible = pkgs.callPackage ./tests/reproducible.nix {
          inherit (lts) kernel dmp initramfs;
        };
      }
      // named ({ tests, ... }: { inherit tests; }) (others // { inherit debug latest; })
      // named ({ bench-smoke, ... }: { inherit bench-smoke; }) (others // { inherit latest; });
    };
}
