{
  description = "The part of nixpkgs that dmp uses, out of a Debian 13 root";

  # ci/nix creates this input, which has the store paths of the root and of the crates. Without
  # ci/nix there is no such input.
  inputs.machine = {
    url = "path:/var/empty";
    flake = false;
  };

  outputs =
    { machine, ... }:
    {
      lib = import ./lib.nix;
      legacyPackages.x86_64-linux = import ./default.nix { inherit machine; };
    };
}
