# What dmp costs, next to what people would use in its place: `nix run .#bench`, and
# the check that it does not come to cost more.
{
  lib,
  stdenv,
  callPackage,
  runCommand,
  rustPlatform,
  writeShellApplication,
  cpio,
  kernel,
  dmp,
  initramfs,
  tools,
}:
let
  dmp-bench = rustPlatform.buildRustPackage (
    import ./crate.nix
    // {
      pname = "dmp-bench";
      cargoBuildFlags = [ "--package=dmp-bench" ];
    }
  );

  # The initramfs, and behind it what is only measured with.
  archive = stdenv.mkDerivation {
    name = "dmp-initramfs-bench";
    nativeBuildInputs = [ cpio ];
    inherit initramfs;
    archive = ../initramfs/archive.sh;
    twin = callPackage ./bench/twin { inherit kernel; };
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

  environment = callPackage ./environment.nix {
    inherit kernel dmp tools;
    initramfs = archive;
    debugging = false;
  };

  bench = writeShellApplication {
    name = "dmp-bench";
    text = ''
      ${environment.exports}
      export DMP_BENCH_CONFIG=${kernel.configfile}
      export DMP_BENCH_BASELINE=${./bench/baseline.json}
      exec ${lib.getExe' dmp-bench "dmp-bench"} "$@"
    '';
  };
in
{
  inherit bench;

  # What was measured is in its log.
  bench-smoke = runCommand "dmp-bench-smoke" { } ''
    export HOME=$NIX_BUILD_TOP
    mkdir $out
    ${lib.getExe bench} --smoke 2>&1 | tee $out/log
  '';
}
