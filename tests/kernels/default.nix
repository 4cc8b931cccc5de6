# `nix run .#kernels -- DIR...`: whether the module builds for the kernels whose trees one has.
{
  lib,
  writeShellApplication,
  binutils,
  gcc,
  gnumake,
  rust-bindgen-unwrapped,
  rustc-unwrapped,
}:
writeShellApplication {
  name = "dmp-kernels";
  text = ''
    export DMP_MODULE=${../../module}
    # For trees that they configured; kernels of this machine are for its own compilers.
    export DMP_TOOLS=${
      lib.makeBinPath [
        binutils
        gcc
        gnumake
        rust-bindgen-unwrapped
        rustc-unwrapped
      ]
    }
    # What nixpkgs' gcc adds without being asked is not the kernel's.
    export NIX_HARDENING_ENABLE=
    exec bash ${./kernels.sh} "$@"
  '';
  meta.description = "Builds dmp.ko for kernels of one's own, and prints a table of them";
}
