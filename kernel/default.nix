# The kernel of the test machine: 6.12 LTS with Rust, and no more of it than the
# tests use.
{
  callPackage,
  linuxKernel,
}:
let
  linux = linuxKernel.kernels.linux_6_12;
in
linuxKernel.manualConfig {
  inherit (linux) version modDirVersion src;
  pname = "linux-dmp";
  configfile = callPackage ./config.nix { inherit linux; };
  # What nixpkgs looks at while it evaluates, where the file cannot be read yet.
  config = {
    CONFIG_MODULES = "y";
    CONFIG_RUST = "y";
  };
}
