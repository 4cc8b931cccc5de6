# Kernel modules of one folder, for one kernel: the modules for tests, the samples, or the
# benchmark's twin of dmp.
{
  stdenv,
  kernel,
  pname,
  src,
  # The folder's path in the source.
  folder ? ".",
}:
stdenv.mkDerivation {
  inherit pname src;
  version = kernel.modDirVersion;

  nativeBuildInputs = kernel.moduleBuildDependencies;
  makeFlags = kernel.commonMakeFlags;
  # Warnings are errors here, as in the module.
  buildPhase = ''
    make $makeFlags -C ${kernel.dev}/lib/modules/${kernel.modDirVersion}/build \
      M=$PWD/${folder} W=1 KCFLAGS=-Werror KRUSTFLAGS=-Dwarnings modules
  '';

  installPhase = ''
    install -D -m 444 ${folder}/*.ko -t $out
  '';
}
