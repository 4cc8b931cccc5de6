# Kernel modules in C of one folder, for one kernel: those that only tests use, and the
# benchmark's twin of dmp.
{
  stdenv,
  kernel,
  pname,
  src,
}:
stdenv.mkDerivation {
  inherit pname src;
  version = kernel.modDirVersion;

  nativeBuildInputs = kernel.moduleBuildDependencies;
  makeFlags = kernel.commonMakeFlags;
  # Warnings are errors here, as in the module.
  buildPhase = ''
    make $makeFlags -C ${kernel.dev}/lib/modules/${kernel.modDirVersion}/build \
      M=$PWD W=1 KCFLAGS=-Werror modules
  '';

  installPhase = ''
    install -D -m 444 *.ko -t $out
  '';
}
