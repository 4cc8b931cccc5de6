# What dmp costs, next to what people would use in its place: `nix run .#bench`. And
# `bench-smoke`: that it does not come to cost more.
{
  lib,
  stdenv,
  callPackage,
  runCommand,
  rustPlatform,
  writeShellApplication,
  cpio,
  # What machine.nix has: of the tests' kernel, and of two that are closer to those that people use.
  tested,
  plain,
  distribution,
}:
let
  dmp-bench = rustPlatform.buildRustPackage (
    import ./crate.nix { }
    // {
      pname = "dmp-bench";
      cargoBuildFlags = [ "--package=dmp-bench" ];
      # The load's own instructions are in what is measured.
      env.CARGO_PROFILE_RELEASE_OPT_LEVEL = "3";
    }
  );

  # The initramfs, and behind it what is only measured with.
  archive =
    machine:
    stdenv.mkDerivation {
      name = "dmp-initramfs-bench";
      nativeBuildInputs = [ cpio ];
      inherit (machine) initramfs;
      archive = ../initramfs/archive.sh;
      twin = callPackage ./modules.nix {
        inherit (machine) kernel;
        pname = "dmp-twin";
        src = ./bench/twin;
      };
      load = lib.getExe' dmp-bench "dmp-load";
      buildCommand = ''
        . $archive
        mkdir root
        cd root
        add $load usr/local/bin
        install -D -m 444 $twin/dmp_twin.ko -t lib/dmp-bench

        mkdir -p $out
        cat $initramfs/initrd >$out/initrd
        truncate --size=%4 $out/initrd
        pack >>$out/initrd
      '';
    };

  program =
    machine:
    {
      name,
      description,
      arguments ? "",
    }:
    let
      environment = callPackage ./environment.nix {
        inherit (machine) kernel dmp tools;
        initramfs = archive machine;
        debugging = false;
      };
    in
    writeShellApplication {
      inherit name;
      text = ''
        ${environment.exports}
        export DMP_BENCH_CONFIG=${machine.kernel.configfile}
        exec ${lib.getExe' dmp-bench "dmp-bench"} ${arguments} "$@"
      '';
      meta = { inherit description; };
    };
in
rec {
  bench = program plain {
    name = "dmp-bench";
    description = "Measures what dmp costs, next to what people would use in its place";
  };

  bench-distribution = program distribution {
    name = "dmp-bench-distribution";
    description = "The same on a kernel that is configured as distributions do";
  };

  bench-smoke = program tested {
    name = "dmp-bench-smoke";
    description = "Fails if a request through dmp costs more than it may";
    arguments = "--smoke --baseline ${./bench/baseline.json}";
  };

  # What was measured is in its log.
  smoke = runCommand "dmp-bench-smoke-run" { } ''
    export HOME=$NIX_BUILD_TOP
    mkdir $out
    ${lib.getExe bench-smoke} 2>&1 | tee $out/log
  '';
}
