# The flake's checks.
{
  lib,
  callPackage,
  runCommand,
  # Only nixpkgs has this argument, and the test of NixOS needs it.
  testers ? null,
  # The machines of machines.nix, and the flake's packages.
  machines,
  packages,
  # The repository.
  source,
  nixosModule,
}:
let
  inherit (machines) lts latest debug;
  fuzz = callPackage ./fuzz { };
  dmpstat = callPackage ../dmpstat/check.nix { inherit (packages) dmpstat; };
  # The kernels for the warnings of dmp's build.
  shipped = [
    lts
    latest
  ];
  modules = map (machine: machine.dmp) shipped;
  warnings = callPackage ./lint {
    inherit fuzz dmpstat modules;
    otherModules = builtins.concatMap (machine: [
      machine.testModules
      machine.samples
    ]) shipped;
  };

  # Checks that leave a processor free, because they boot no machine.
  quiet = {
    inherit (warnings) clippy rustdoc rustfmt;
    inherit fuzz dmpstat;
    dashboard = callPackage ../dmpstat/prometheus/check.nix { };
    inherit (packages) docs;
    pure = callPackage ./pure { };
    names = callPackage ./lint/names.nix { packages = builtins.attrNames packages; };
    shell = callPackage ./lint/shell.nix { inherit modules source; };
    starts = callPackage ./lint/starts.nix {
      # The benchmark's other programs are left out, because they are bench-smoke's with other
      # kernels. mutants is left out as well, because only it needs cargo-mutants.
      programs = map lib.getExe (
        builtins.concatMap (machine: [
          machine.vm
          machine.try
          machine.soak
        ]) (shipped ++ [ debug ])
        ++ [
          packages.demo
          packages.bench-smoke
          packages.dmpstat
          packages.debian-machine
          packages.kernels
        ]
      );
    };
    reproducible = callPackage ./lint/reproducible.nix {
      inherit (packages)
        kernel
        dmp
        initramfs
        deb
        ;
    };
  };
in
{
  checks =
    quiet
    // {
      inherit (lts.checks) tests stress bench-smoke;
      docs-outputs = callPackage ./docs {
        inherit (lts) vm;
        pictures = lib.getExe' dmpstat "pictures";
      };
      tests-latest = latest.checks.tests;
      bench-smoke-latest = latest.checks.bench-smoke;
      tests-debug = debug.checks.tests;
    }
    // lib.optionalAttrs (testers != null) {
      nixos = callPackage ./nixos { module = nixosModule; };
      nixos-messages = callPackage ./nixos/messages.nix { module = nixosModule; };
    };

  # Inputs of checks, and the checks that boot nothing: they can be built in parallel.
  inputs = runCommand "dmp-check-inputs" {
    inputs =
      builtins.attrValues quiet
      ++ builtins.concatMap (machine: machine.inputs) [ lts latest debug ];
  } "echo $inputs >$out";
}
