# The kernel of the test machine: Linux with Rust, and only the parts that the tests use. The
# default is 6.12 LTS. A variant also has its own fragments.
{
  lib,
  callPackage,
  clang,
  linuxKernel,
  # The name is not `linux`, which nixpkgs' callPackage would fill in.
  upstream ? linuxKernel.kernels.linux_6_12,
  variant ? null,
}:
let
  # With Rust, KASAN needs a kernel compiled by clang. nixpkgs' wrapper of clang is unsuitable,
  # because the kernel refuses its flags for user space.
  extraMakeFlags = lib.optional (variant == "debug") "CC=${lib.getExe' clang.cc "clang"}";
  fragments =
    lib.optional (variant == "bench-distribution") "bench" ++ lib.optional (variant != null) variant;
in
linuxKernel.manualConfig {
  inherit (upstream) version modDirVersion src;
  inherit extraMakeFlags;
  pname = "linux-dmp${lib.optionalString (variant != null) "-${variant}"}";
  configfile = callPackage ./config.nix {
    inherit extraMakeFlags;
    linux = upstream;
    fragment =
      if variant == null then
        ./dmp.config
      else
        builtins.toFile "${variant}.config" (
          lib.concatMapStringsSep "" (name: builtins.readFile (./. + "/${name}.config")) (
            [ "dmp" ] ++ fragments
          )
        );
  };
  # Options that nixpkgs reads during evaluation, before the file can be read.
  config = {
    CONFIG_MODULES = "y";
    CONFIG_RUST = "y";
  };
}
