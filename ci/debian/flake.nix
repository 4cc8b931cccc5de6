{
  description = "The part of nixpkgs that dmp uses, out of a Debian 13 root";

  # ci/nix makes it: where in the store the root and the crates are. There is
  # nothing to take it from without ci/nix.
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
