{
  description = "dmp: a device-mapper target that counts requests";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};

      dmpstat = pkgs.callPackage ./dmpstat { };
      machines = pkgs.callPackage ./tests/machines.nix { inherit dmpstat; };
      packages = import ./ci/packages.nix { inherit pkgs dmpstat machines; };
      tests = pkgs.callPackage ./tests/checks.nix {
        inherit machines packages;
        source = self;
        nixosModule = self.nixosModules.dmp;
      };

      app = package: {
        type = "app";
        program = pkgs.lib.getExe package;
        meta = { inherit (package.meta) description; };
      };
    in
    {
      packages.${system} = packages // {
        check-inputs = tests.inputs;
      };

      apps.${system} = builtins.mapAttrs (_: app) {
        default = packages.demo;
        inherit (packages) vm demo try soak;
        inherit (packages) bench bench-distribution bench-smoke;
        inherit (packages) debian-machine kernels mutants;
      };

      checks.${system} = tests.checks;

      devShells.${system}.default = pkgs.callPackage ./ci/shell.nix { machine = machines.lts; };

      formatter.${system} = pkgs.callPackage ./tests/lint/formatter.nix { };

      # dmp in the packages of every kernel: linuxPackages.dmp, and so on.
      overlays.default = _: prev: {
        kernelPackagesExtensions = prev.kernelPackagesExtensions ++ [
          (linux: _: { dmp = linux.callPackage ./module { }; })
        ];
      };
      nixosModules.dmp = import ./module/nixos.nix;
    };
}
