# The flake's packages.
{
  pkgs,
  dmpstat,
  # The machines of tests/machines.nix.
  machines,
}:
let
  inherit (pkgs) lib callPackage;
  inherit (machines)
    lts
    latest
    debug
    others
    ;
  # Returns the attributes `names` of all machines, and appends the kernel's name to the attributes'
  # names.
  named =
    names: machines:
    lib.concatMapAttrs (
      kernel: of: lib.mapAttrs' (name: lib.nameValuePair "${name}-${kernel}") (lib.getAttrs names of)
    ) machines;

  # The Debian packages have to run without the libraries of this package set.
  deb = callPackage ./deb {
    dmpstat = (pkgs.pkgsStatic or pkgs).callPackage ../dmpstat { };
  };
in
{
  inherit (lts) kernel dmp initramfs;
  inherit (lts) vm demo try soak;
  inherit (lts) bench bench-distribution bench-smoke;
  inherit dmpstat deb;
  docs = callPackage ../docs { };
  debian-machine = callPackage ../tests/debian { inherit deb; };
  kernels = callPackage ../tests/kernels { };
  mutants = callPackage ../tests/mutants { };
  fleet = callPackage ../dmpstat/fleet.nix { inherit dmpstat; };
  screens = callPackage ../dmpstat/screens.nix { inherit dmpstat; };
  default = lts.dmp;
}
// named [ "kernel" "dmp" "vm" "try" "soak" ] (others // { inherit debug latest; })
// named [ "bench" "bench-smoke" ] (others // { inherit latest; })
// named [ "tests" ] (builtins.mapAttrs (_: machine: machine.checks) others)
