# Warnings of clippy, in the tests and in the module, and what rustfmt, shellcheck
# and shfmt would have otherwise. All of them are errors.
{
  runCommand,
  rustPlatform,
  cargo,
  clippy,
  rustfmt,
  shellcheck,
  shfmt,
  kernel,
  dmp,
  # The repository, for its scripts.
  source,
}:
{
  clippy =
    runCommand "dmp-clippy"
      {
        tests = rustPlatform.buildRustPackage {
          pname = "dmp-tests-clippy";
          version = "0.1.0";
          src = import ./source.nix;
          sourceRoot = "source/tests";
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ clippy ];
          buildPhase = "cargo clippy --release --locked --all-targets -- --deny warnings";
          installPhase = "touch $out";
          doCheck = false;
        };
        module = dmp.overrideAttrs (old: {
          pname = "dmp-clippy";
          nativeBuildInputs = old.nativeBuildInputs ++ [ clippy ];
          makeFlags = old.makeFlags ++ [
            "CLIPPY=1"
            "KRUSTFLAGS=-Dwarnings"
          ];
          installPhase = "touch $out";
        });
      }
      ''
        echo $tests $module >$out
      '';

  rustfmt =
    runCommand "dmp-rustfmt"
      {
        nativeBuildInputs = [
          cargo
          rustfmt
        ];
      }
      ''
        find ${../module} -name '*.rs' -exec rustfmt --check --edition 2021 {} +
        find ${import ./source.nix}/tests -name '*.rs' -exec rustfmt --check --edition 2024 {} +
        touch $out
      '';

  shell =
    runCommand "dmp-shell"
      {
        nativeBuildInputs = [
          shellcheck
          shfmt
        ];
      }
      ''
        cd ${source}
        grep -rlE '^#!.*[/ ](ba)?sh$' --include='*' . | grep -v '/\.git/' >$NIX_BUILD_TOP/scripts
        xargs shellcheck ci/debian/setup.sh <$NIX_BUILD_TOP/scripts
        xargs shfmt -d ci/debian/setup.sh <$NIX_BUILD_TOP/scripts
        touch $out
      '';
}
