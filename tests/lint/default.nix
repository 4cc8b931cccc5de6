# Warnings of clippy and rustdoc, in the tests, in dmpstat and in the module, and differences that
# rustfmt finds. All of them are errors.
{
  stdenv,
  runCommand,
  rustPlatform,
  cargo,
  clippy,
  rustfmt,
  # dmp's module for each kernel that it is built for. `otherModules` are the samples and modules
  # for tests only.
  modules,
  # dmpstat with its tests.
  dmpstat,
  otherModules,
  fuzz,
}:
let
  crate = import ../crate.nix {
    wanted = [ "tests/(machine/tests|pure|suites).*" ];
    module = true;
  };
  # The target is named for the reason in fuzz/default.nix.
  clippyPhase = what: ''
    cargo clippy --release --locked --target ${stdenv.hostPlatform.rust.rustcTarget} \
      ${what} -- --deny warnings
  '';

  # A second build of the module, only for the warnings.
  built =
    name: flags: dmp:
    dmp.overrideAttrs (old: {
      pname = "${old.pname}-${name}";
      nativeBuildInputs = old.nativeBuildInputs ++ [ clippy ];
      makeFlags = old.makeFlags ++ flags ++ [ "KRUSTFLAGS=-Dwarnings" ];
      installPhase = "touch $out";
    });
in
{
  clippy =
    runCommand "dmp-clippy"
      {
        tests = rustPlatform.buildRustPackage (
          crate
          // {
            pname = "dmp-tests-clippy";
            nativeBuildInputs = [ clippy ];
            buildPhase = clippyPhase "--workspace --all-targets";
            installPhase = "touch $out";
          }
        );
        fuzz = fuzz.overrideAttrs (old: {
          pname = "dmp-fuzz-clippy";
          nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [ clippy ];
          buildPhase = clippyPhase "";
          doCheck = false;
          installPhase = "touch $out";
        });
        dmpstat = dmpstat.overrideAttrs (old: {
          pname = "dmpstat-clippy";
          nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [ clippy ];
          buildPhase = clippyPhase "--all-targets --all-features";
          doCheck = false;
          installPhase = "touch $out";
        });
        modules = map (built "clippy" [ "CLIPPY=1" ]) (modules ++ otherModules);
      }
      ''
        echo $tests $fuzz $dmpstat $modules >$out
      '';

  rustdoc =
    runCommand "dmp-rustdoc" { modules = map (built "rustdoc" [ "DMP_RUSTDOC=1" ]) modules; }
      ''
        echo $modules >$out
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
        find ${../../module} ${../modules} -name '*.rs' -exec rustfmt --check --edition 2021 {} +
        find ${crate.src}/tests ${fuzz.src}/tests/fuzz ${dmpstat.src}/dmpstat -name '*.rs' \
          -exec rustfmt --check --edition 2024 {} +
        touch $out
      '';
}
