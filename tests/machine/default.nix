# dmp-vm, which boots the test machine.
{ lib, rustPlatform }:
rustPlatform.buildRustPackage (
  import ../crate.nix { }
  // {
    pname = "dmp-vm";
    cargoBuildFlags = [ "--package=dmp-vm" ];
    meta = {
      description = "Boots the test machine of dmp";
      license = lib.licenses.gpl2Only;
      mainProgram = "dmp-vm";
    };
  }
)
