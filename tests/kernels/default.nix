# `nix run .#kernels -- DIR...`: builds the module for kernels with local build directories.
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
    # For trees that these compilers configured; kernels of this machine need their own compilers.
    export DMP_TOOLS=${
      lib.makeBinPath [
        binutils
        gcc
        gnumake
        rust-bindgen-unwrapped
        rustc-unwrapped
      ]
    }
    # Leaves out the flags that nixpkgs' gcc adds, because they are not the kernel's.
    export NIX_HARDENING_ENABLE=
    exec bash ${./kernels.sh} "$@"
  '';
  meta.description = "Builds dmp.ko for your own kernels, and prints a table of them";
}
