# dmp.ko for one kernel.
{
  lib,
  stdenv,
  removeReferencesTo,
  kernel,
}:
stdenv.mkDerivation {
  pname = "dmp";
  version = "${lib.fileContents ./VERSION}-${kernel.modDirVersion}";
  # Documents, samples, DKMS's scripts and Nix files do not change the module.
  src = builtins.path {
    name = "module";
    path = ./.;
    filter = path: _: builtins.match ".*/(docs|samples|dkms)|.*[.]nix" path == null;
  };

  nativeBuildInputs = kernel.moduleBuildDependencies ++ [ removeReferencesTo ];
  makeFlags = kernel.commonMakeFlags ++ [
    "KDIR=${kernel.dev}/lib/modules/${kernel.modDirVersion}/build"
  ];
  buildFlags = [ "modules" ];

  installPhase = ''
    runHook preInstall
    # UBSAN names headers by their whole paths.
    remove-references-to -t ${kernel.dev} dmp.ko
    install -D -m 444 dmp.ko -t $out/lib/modules/${kernel.modDirVersion}/extra
    runHook postInstall
  '';

  disallowedReferences = [ kernel.dev ];

  meta = {
    # nixpkgs' kernels have withRust, which says if their configuration has Rust.
    broken =
      !(kernel.withRust or (kernel.config.isYes or (_: false) "RUST")) || kernel.kernelOlder "6.12.19";
    platforms = [ "x86_64-linux" ];
    description = "Device-mapper target that counts requests";
    license = lib.licenses.gpl2Only;
  };
}
