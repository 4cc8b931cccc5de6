{
  description = "dmp: a device-mapper target that counts what passes through it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};
      inherit (pkgs) lib linuxKernel;

      # A kernel, and all that is made for it.
      machine = choice: pkgs.callPackage ./tests/machine.nix { inherit choice dmpstat; };
      lts = machine { };
      debug = machine { variant = "debug"; };
      latest = machine { upstream = linuxKernel.packageAliases.linux_latest.kernel; };
      # The kernels between, of which only nixpkgs has the source.
      others = lib.optionalAttrs (linuxKernel.kernels ? linux_6_18) {
        "6_18" = machine { upstream = linuxKernel.kernels.linux_6_18; };
      };
      # Takes the attributes `names` of each machine, with the kernel's name after each.
      named =
        names: machines:
        lib.concatMapAttrs (
          kernel: of: lib.mapAttrs' (name: lib.nameValuePair "${name}-${kernel}") (lib.getAttrs names of)
        ) machines;

      dmpstat = pkgs.callPackage ./dmpstat { };
      dmpstat-tests = pkgs.callPackage ./dmpstat/check.nix { inherit dmpstat; };
      # The Debian packages have to run without the libraries of this package set.
      deb = pkgs.callPackage ./ci/deb {
        dmpstat = (pkgs.pkgsStatic or pkgs).callPackage ./dmpstat { };
      };
      debian-machine = pkgs.callPackage ./tests/debian { inherit deb; };
      fuzz = pkgs.callPackage ./tests/fuzz { };
      kernels = pkgs.callPackage ./tests/kernels { };
      mutants = pkgs.callPackage ./tests/mutants { };
      pure = pkgs.callPackage ./tests/pure { };
      reproducible = pkgs.callPackage ./tests/lint/reproducible.nix {
        inherit (lts) kernel dmp initramfs;
        inherit deb;
      };
      lint = pkgs.callPackage ./tests/lint {
        inherit fuzz;
        dmpstat = dmpstat-tests;
        modules = map (machine: machine.dmp) [ lts latest ];
        testModules = map (machine: machine.testModules) [ lts latest ];
        source = self;
        packages = builtins.attrNames self.packages.${system};
        # The benchmark's other programs are left out, because they are bench-smoke's with kernels
        # of their own. So is mutants, because nothing else needs cargo-mutants.
        programs = map lib.getExe (
          builtins.concatMap (machine: [ machine.vm machine.try machine.soak ]) [ lts latest debug ]
          ++ [ lts.demo lts.bench-smoke dmpstat debian-machine kernels ]
        );
      };
      # Checks that leave a processor alone, because they boot no machines.
      quiet = {
        inherit (lint) clippy rustdoc rustfmt shell names starts;
        inherit fuzz pure reproducible;
        dmpstat = dmpstat-tests;
      };

      app = package: {
        type = "app";
        program = lib.getExe package;
        meta = { inherit (package.meta) description; };
      };
    in
    {
      packages.${system} = {
        inherit (lts) kernel dmp initramfs vm demo try soak bench bench-distribution bench-smoke;
        inherit dmpstat deb debian-machine kernels mutants;
        default = lts.dmp;
        # Inputs of checks, and the checks that boot nothing: they can be built side by side.
        check-inputs = pkgs.callPackage ./tests/inputs.nix {
          inputs =
            builtins.attrValues quiet
            ++ builtins.concatMap (machine: machine.inputs) [ lts latest debug ];
        };
      }
      // named [ "kernel" "dmp" "vm" "try" "soak" ] (others // { inherit debug latest; })
      // named [ "bench" "bench-smoke" ] (others // { inherit latest; })
      // named [ "tests" ] (builtins.mapAttrs (_: machine: machine.checks) others);

      apps.${system} = {
        default = app lts.demo;
      }
      // builtins.mapAttrs (_: app) {
        inherit (lts) vm demo try soak bench bench-distribution bench-smoke;
        inherit debian-machine kernels mutants;
      };

      devShells.${system}.default = pkgs.callPackage ./ci/shell.nix { machine = lts; };

      formatter.${system} = pkgs.callPackage ./tests/lint/formatter.nix { };

      # dmp in the packages of every kernel: linuxPackages.dmp, and so on.
      overlays.default = _: prev: {
        kernelPackagesExtensions = prev.kernelPackagesExtensions ++ [
          (linux: _: { dmp = linux.callPackage ./module { }; })
        ];
      };
      nixosModules.dmp = import ./module/nixos.nix;

      checks.${system} =
        quiet
        // { inherit (lts.checks) tests stress bench-smoke; }
        // named [ "tests" "bench-smoke" ] { latest = latest.checks; }
        // named [ "tests" ] { debug = debug.checks; }
        # Only nixpkgs has a NixOS.
        // lib.optionalAttrs (pkgs ? testers) {
          nixos = pkgs.callPackage ./tests/nixos { module = self.nixosModules.dmp; };
          nixos-messages = pkgs.callPackage ./tests/nixos/messages.nix { module = self.nixosModules.dmp; };
        };
    };
}
