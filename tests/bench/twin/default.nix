# dmp_twin.ko for one kernel: what dmp does, in C.
{ stdenv, kernel }:
stdenv.mkDerivation {
  pname = "dmp-twin";
  version = kernel.modDirVersion;
  src = ./.;

  nativeBuildInputs = kernel.moduleBuildDependencies;
  makeFlags = kernel.commonMakeFlags;
  # Warnings are errors here, as in the module.
  buildPhase = ''
    make $makeFlags -C ${kernel.dev}/lib/modules/${kernel.modDirVersion}/build \
      M=$PWD W=1 KCFLAGS=-Werror modules
  '';

  installPhase = ''
    install -D -m 444 dmp_twin.ko -t $out
  '';
}
