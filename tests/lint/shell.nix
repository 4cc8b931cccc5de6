# Differences that shellcheck and shfmt find in scripts, and the tests of scripts: of ci/nix,
# module/dkms, module/Kbuild, kernels/, `make install` and the Debian packages' scripts; and the
# checks of comments and of the version.
{
  runCommand,
  shellcheck,
  shfmt,
  # dmp's module for each kernel that it is built for.
  modules,
  # The repository, for its scripts.
  source,
}:
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
    bash tests/lint/version.sh
    bash tests/mutants/booted.sh --check
    echo $kbuild >$out
  ''
