# nixpkgs' linuxKernel: the source of Debian's linux-source package, and manualConfig with those
# arguments, outputs and passthru of nixpkgs' that dmp uses.
{
  lib,
  stdenv,
  root,
  # The versions of the kernel sources in the root, by series.
  versions,
}:
let
  # CC and the like come from the root's PATH.
  commonMakeFlags = [ "ARCH=${stdenv.hostPlatform.linuxArch}" ];

  manualConfig =
    {
      version,
      modDirVersion ? version,
      src,
      configfile,
      config ? { },
      pname ? "linux",
      extraMakeFlags ? [ ],
    }:
    let
      makeFlags = commonMakeFlags ++ extraMakeFlags;
    in
    stdenv.mkDerivation {
      inherit pname version src configfile modDirVersion;
      outputs = [
        "out"
        "dev"
        "modules"
      ];

      makeFlags = makeFlags ++ [
        # The timestamp is nixpkgs'. Other values would differ between builds.
        "KBUILD_BUILD_TIMESTAMP=@315532800"
        "KBUILD_BUILD_VERSION=1"
        "KBUILD_BUILD_USER=dmp"
        "KBUILD_BUILD_HOST=dmp"
      ];
      buildFlags = [
        "bzImage"
        "modules"
      ];

      configurePhase = ''
        cp $configfile .config
        chmod u+w .config
        make $makeFlags olddefconfig
        # `modules` names an output here and a variable in the kernel's
        # Makefiles, which would export it to every process.
        modulesOutput=$modules
        unset modules
      '';

      installPhase = ''
        release=$(cat include/config/kernel.release)
        if [ "$release" != "$modDirVersion" ]; then
          echo "this kernel calls itself $release, not $modDirVersion" >&2
          exit 1
        fi

        mkdir -p $out
        cp arch/x86/boot/bzImage System.map $out/

        make $makeFlags INSTALL_MOD_PATH=$modulesOutput INSTALL_MOD_STRIP=1 modules_install
        rm -f $modulesOutput/lib/modules/$release/{build,source}

        # What modules out of the tree are built with.
        build=$dev/lib/modules/$release/build
        mkdir -p $build
        ln -s build $dev/lib/modules/$release/source
        rsync -a --prune-empty-dirs \
          --include='*/' \
          --include='/.config' --include='/Module.symvers' \
          --include='Makefile*' --include='Kbuild*' --include='Kconfig*' \
          --include='/include/**' --include='/arch/x86/include/**' \
          --include='/scripts/**' --include='/tools/objtool/objtool' \
          --include='/rust/**.rs' --include='/rust/*.rmeta' --include='/rust/*.so' \
          --include='*.h' --include='*.lds' \
          --exclude='*' ./ $build/
        find $build/arch -mindepth 1 -maxdepth 1 ! -name x86 ! -name Kconfig -exec rm -r {} +
        rm -rf $build/{drivers,Documentation,samples}
        find $build -name '*.o' -delete -o -name '.*.cmd' -delete
        find $build -empty -type d -delete
      '';

      passthru = {
        inherit
          version
          modDirVersion
          config
          configfile
          stdenv
          ;
        withRust = config.CONFIG_RUST or "n" == "y";
        commonMakeFlags = makeFlags;
        moduleBuildDependencies = [ ];
        kernelOlder = lib.versionOlder version;
        kernelAtLeast = lib.versionAtLeast version;
      };
    };

  linux = series: rec {
    version = versions.${series};
    modDirVersion = version;
    src = "${root}/usr/src/linux-source-${series}.tar.xz";
    inherit commonMakeFlags;
  };
  newest = builtins.head (
    builtins.sort (a: b: lib.versionOlder b a) (builtins.attrNames versions)
  );
in
{
  inherit manualConfig;

  kernels.linux_6_12 = linux "6.12";
  packageAliases.linux_latest.kernel = linux newest;
}
