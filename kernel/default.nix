# The kernel of the test machine: Linux with Rust, and no more of it than the tests use. It is 6.12
# LTS unless another one is given. A variant has fragments of its own as well.
{
  lib,
  callPackage,
  clang,
  linuxKernel,
  # Not called `linux`, which nixpkgs' callPackage would fill in.
  upstream ? linuxKernel.kernels.linux_6_12,
  variant ? null,
}:
let
  # With Rust, KASAN needs a kernel that clang compiles. nixpkgs' wrapper of clang does not serve,
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
  # Options that nixpkgs reads while it evaluates, when the file cannot be read yet.
  config = {
    CONFIG_MODULES = "y";
    CONFIG_RUST = "y";
  };
}
