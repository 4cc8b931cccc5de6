# Kernel modules that only tests use, for one kernel.
{ stdenv, kernel }:
stdenv.mkDerivation {
  pname = "dmp-test-modules";
  version = kernel.modDirVersion;
  src = builtins.path {
    name = "modules";
    path = ./.;
    filter = path: _: builtins.match ".*[.]nix" path == null;
  };

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
