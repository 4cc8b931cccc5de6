# The crate of the test machine: dmp-vm. The tests are run by check.nix.
{ lib, rustPlatform }:
rustPlatform.buildRustPackage (
  import ./crate.nix { }
  // {
    pname = "dmp-vm";
    meta = {
      description = "Boots the machine dmp is tested in";
      license = lib.licenses.gpl2Only;
      mainProgram = "dmp-vm";
    };
  }
)
