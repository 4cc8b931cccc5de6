# The cost of dmp and of its alternatives: `nix run .#bench`; and `bench-smoke`, which fails if the
# cost grows.
{
  lib,
  stdenv,
  callPackage,
  runCommand,
  rustPlatform,
  writeShellApplication,
  cpio,
  # The parts in ../per-kernel.nix of the tests' kernel, and of two kernels that are more like those
  # in use.
  tested,
  plain,
  distribution,
}:
let
  dmp-bench = rustPlatform.buildRustPackage (
    import ../crate.nix { }
    // {
      pname = "dmp-bench";
      cargoBuildFlags = [ "--package=dmp-bench" ];
      # Compiled with optimization, because the load's own instructions are measured as well.
      env.CARGO_PROFILE_RELEASE_OPT_LEVEL = "3";
    }
  );

  # The initramfs, followed by an archive of the files for measurements only.
  archive =
    machine:
    stdenv.mkDerivation {
      name = "dmp-initramfs-bench";
      nativeBuildInputs = [ cpio ];
      inherit (machine) initramfs;
      archive = ../../initramfs/archive.sh;
      twin = callPackage ../modules {
        inherit (machine) kernel;
        pname = "dmp-twin";
        src = ./twin;
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
      environment = callPackage ../environment.nix {
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
    description = "Measures the cost of dmp and of its alternatives";
  };

  bench-distribution = program distribution {
    name = "dmp-bench-distribution";
    description = "Measures the cost of dmp on a kernel with a distribution's configuration";
  };

  bench-smoke = program tested {
    name = "dmp-bench-smoke";
    description = "Fails if the cost of a request through dmp exceeds its limits";
    arguments = "--smoke --baseline ${./baseline.json}";
  };

  # Its log has the results.
  smoke = runCommand "dmp-bench-smoke-run" { } ''
    export HOME=$NIX_BUILD_TOP
    mkdir $out
    ${lib.getExe bench-smoke} 2>&1 | tee $out/log
  '';
}
