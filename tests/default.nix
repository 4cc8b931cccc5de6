# The crate of the test machine: dmp-vm. The tests are run by check.nix.
{ lib, rustPlatform }:
rustPlatform.buildRustPackage {
  pname = "dmp-vm";
  version = "0.1.0";
  src = import ./source.nix;
  sourceRoot = "source/tests";
  cargoLock.lockFile = ./Cargo.lock;
  # They boot machines: see check.nix.
  doCheck = false;
  meta = {
    description = "Boots the machine dmp is tested in";
    license = lib.licenses.gpl2Only;
    mainProgram = "dmp-vm";
  };
}
