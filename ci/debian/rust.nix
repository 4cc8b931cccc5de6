# nixpkgs' rustPlatform, with the root's Rust. ci/nix has already put the crates of the lock file
# into the store, because a build has no network.
{
  lib,
  stdenv,
  cratesOf,
}:
let
  target = stdenv.hostPlatform.rust.rustcTarget;
in
{
  rustLibSrc = "/usr/lib/rustlib/src/rust/library";

  # A folder with the crates, for a build outside of the sandbox.
  importCargoLock = { lockFile }: cratesOf lockFile;

  buildRustPackage =
    args@{
      cargoLock,
      cargoBuildFlags ? [ ],
      ...
    }:
    stdenv.mkDerivation (
      {
        # Programs are static, so that they run on a host with an older libc. As in nixpkgs, a build
        # has to name the target to keep its flags away from build scripts and proc macros.
        configurePhase = ''
          export CARGO_HOME=$NIX_BUILD_TOP/cargo
          mkdir -p $CARGO_HOME
          cat >$CARGO_HOME/config.toml <<END
          [source.crates-io]
          replace-with = "vendored"
          [source.vendored]
          directory = "$crates"
          [net]
          offline = true
          [target.${target}]
          rustflags = ["-Ctarget-feature=+crt-static"]
          END
        '';
        buildPhase = ''
          cargo build --release --locked --target ${target} ${toString cargoBuildFlags}
        '';
        installPhase = ''
          mkdir -p $out/bin
          find target/${target}/release -maxdepth 1 -type f -perm /100 ! -name '*.so' \
            -exec install -t $out/bin {} +
        '';
      }
      // builtins.removeAttrs args [
        "cargoLock"
        "cargoBuildFlags"
      ]
      // {
        crates = cratesOf cargoLock.lockFile;
      }
    );
}
