# Warnings of clippy and rustdoc, in the tests, in dmpstat and in the module, and differences that
# rustfmt, shellcheck and shfmt find. All of them are errors. And the tests of ci/nix, of
# module/dkms, of module/Kbuild, of kernels/, of `make install` and of the Debian packages' scripts.
{
  stdenv,
  runCommand,
  rustPlatform,
  cargo,
  clippy,
  rustfmt,
  shellcheck,
  shfmt,
  # dmp's module for each kernel that it is built for. `testModules` are those that only tests use.
  modules,
  # dmpstat with its tests.
  dmpstat,
  testModules,
  fuzz,
  # The repository, for its scripts.
  source,
  # The names of the flake's packages.
  packages,
  # The flake's programs, but for those that differ from another one only in the kernel they boot.
  programs,
}:
let
  crate = import ../crate.nix {
    wanted = [ "tests/(machine/tests|pure|suites).*" ];
    module = true;
  };
  # The target is named for the reason that fuzz/default.nix gives.
  clippyPhase = what: ''
    cargo clippy --release --locked --target ${stdenv.hostPlatform.rust.rustcTarget} \
      ${what} -- --deny warnings
  '';

  # The module built in another way, only for the warnings.
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
        modules = map (built "clippy" [ "CLIPPY=1" ]) (modules ++ testModules);
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

  # Packages and apps that the documentation names as .#NAME. Only nixpkgs has those of the kernels
  # between.
  names =
    let
      # All files below a folder.
      filesBelow =
        folder:
        let
          entries = builtins.readDir folder;
          files =
            name:
            if entries.${name} == "directory" then
              filesBelow (folder + "/${name}")
            else
              [ (folder + "/${name}") ];
        in
        builtins.concatMap files (builtins.attrNames entries);
      documents = [ ../../README.md ] ++ filesBelow ../../module/docs ++ filesBelow ../../docs/src;
      # builtins.split returns strings between the matches.
      namesIn =
        document:
        builtins.concatMap (match: if builtins.isList match then match else [ ]) (
          builtins.split "[.]#([a-z][A-Za-z0-9_-]*)" (builtins.readFile document)
        );
      named = builtins.concatMap namesIn documents;
      isThere = name: builtins.elem name (packages ++ [ "checks" ]) || builtins.match ".*-6_18" name != null;
      missing = builtins.filter (name: !isThere name) named;
    in
    runCommand "dmp-names"
      {
        named = toString named;
        missing = toString missing;
      }
      ''
        [[ $named == *debian-machine* && $named == *soak-debug* ]]
        if [[ $missing ]]; then
          echo "the documentation names packages that flake.nix has not: $missing" >&2
          exit 1
        fi
        touch $out
      '';

  # Each program that the documentation names starts and tells its usage.
  starts = runCommand "dmp-starts" { inherit programs; } ''
    for program in $programs; do
      usage=$($program --help)
      if [[ $usage != *Usage:* ]]; then
        echo "$program --help does not print its usage, but: $usage" >&2
        exit 1
      fi
    done
    echo $programs >$out
  '';

  shell =
    runCommand "dmp-shell"
      {
        kbuild = map (
          dmp:
          dmp.overrideAttrs (old: {
            pname = "${old.pname}-kbuild";
            buildPhase = ''
              bash ${../kernels}/test.sh $makeFlags
              bash ${./kbuild.sh} $makeFlags
            '';
            installPhase = "touch $out";
          })
        ) modules;
        nativeBuildInputs = [
          shellcheck
          shfmt
        ];
      }
      ''
        cd ${source}
        grep -rlE '^#!.*[/ ](ba)?sh$' --include='*' . | grep -v '/\.git/' >$NIX_BUILD_TOP/scripts
        xargs shellcheck ci/debian/setup.sh ci/debian/sources.sh ci/deb/build.sh <$NIX_BUILD_TOP/scripts
        xargs shfmt -d ci/debian/setup.sh ci/debian/sources.sh ci/deb/build.sh <$NIX_BUILD_TOP/scripts
        bash ci/test.sh
        bash tests/lint/kernel-rust.sh
        bash tests/lint/install.sh
        bash tests/lint/maintainer-scripts.sh
        bash tests/lint/comments.sh
        bash tests/mutants/booted.sh --check
        echo $kbuild >$out
      '';
}
