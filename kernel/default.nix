# The kernel of the test machine: Linux with Rust, and no more of it than the tests
# use; 6.12 LTS unless another is given. A variant has fragments of its own besides.
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
  # With Rust, KASAN is for a kernel that clang compiles. Not by nixpkgs' wrapper of it, whose
  # flags for user space the kernel refuses.
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
  # What nixpkgs looks at while it evaluates, where the file cannot be read yet.
  config = {
    CONFIG_MODULES = "y";
    CONFIG_RUST = "y";
  };
}
