# `nix run .#kernels -- DIR...`: builds the module for kernels whose trees one has.
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
    # For trees that these compilers configured; kernels of this machine need its own
    # compilers.
    export DMP_TOOLS=${
      lib.makeBinPath [
        binutils
        gcc
        gnumake
        rust-bindgen-unwrapped
        rustc-unwrapped
      ]
    }
    # Leaves out flags that nixpkgs' gcc adds by itself, because they are not the kernel's.
    export NIX_HARDENING_ENABLE=
    exec bash ${./kernels.sh} "$@"
  '';
  meta.description = "Builds dmp.ko for kernels of one's own, and prints a table of them";
}
