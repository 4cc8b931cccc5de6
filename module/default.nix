# dmp.ko for one kernel.
{
  lib,
  stdenv,
  kernel,
}:
stdenv.mkDerivation {
  pname = "dmp";
  version = kernel.modDirVersion;
  src = ./.;

  nativeBuildInputs = kernel.moduleBuildDependencies;
  makeFlags = kernel.commonMakeFlags ++ [
    "KDIR=${kernel.dev}/lib/modules/${kernel.modDirVersion}/build"
  ];
  buildFlags = [ "modules" ];

  installPhase = ''
    runHook preInstall
    install -D -m 444 dmp.ko -t $out/lib/modules/${kernel.modDirVersion}/extra
    runHook postInstall
  '';

  meta = {
    description = "Device-mapper target that counts what passes through it";
    license = lib.licenses.gpl2Only;
  };
}
