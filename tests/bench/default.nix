# The cost of dmp and of its alternatives: `nix run .#bench`. And `bench-smoke`,
# which fails if that cost grows.
{
  lib,
  stdenv,
  callPackage,
  runCommand,
  rustPlatform,
  writeShellApplication,
  cpio,
  # The parts in ../per-kernel.nix of the tests' kernel, and of two kernels that are closer to people's
  # own.
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
      # The load's own instructions are measured, too.
      env.CARGO_PROFILE_RELEASE_OPT_LEVEL = "3";
    }
  );

  # The initramfs, and after it an archive of what only the measurements use.
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
    description = "The same on a kernel that is configured as distributions do";
  };

  bench-smoke = program tested {
    name = "dmp-bench-smoke";
    description = "Fails if a request through dmp costs more than it may";
    arguments = "--smoke --baseline ${./baseline.json}";
  };

  # The results are in its log.
  smoke = runCommand "dmp-bench-smoke-run" { } ''
    export HOME=$NIX_BUILD_TOP
    mkdir $out
    ${lib.getExe bench-smoke} 2>&1 | tee $out/log
  '';
}
