# The kernel of the test machine: Linux with Rust, and no more of it than the tests
# use; 6.12 LTS unless another is given.
{
  lib,
  callPackage,
  clang,
  linuxKernel,
  linux ? linuxKernel.kernels.linux_6_12,
  debug ? false,
}:
let
  # With Rust, KASAN is for a kernel that clang compiles.
  extraMakeFlags = lib.optional debug "CC=${lib.getExe' clang "clang"}";
in
linuxKernel.manualConfig {
  inherit (linux) version modDirVersion src;
  inherit extraMakeFlags;
  pname = "linux-dmp${lib.optionalString debug "-debug"}";
  configfile = callPackage ./config.nix {
    inherit linux extraMakeFlags;
    fragment =
      if debug then
        builtins.toFile "debug.config" (
          builtins.readFile ./dmp.config + builtins.readFile ./debug.config
        )
      else
        ./dmp.config;
  };
  # What nixpkgs looks at while it evaluates, where the file cannot be read yet.
  config = {
    CONFIG_MODULES = "y";
    CONFIG_RUST = "y";
  };
}
