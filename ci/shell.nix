# `nix develop`: `make -C module` builds the package's dmp.ko, `make -C module rust-analyzer` makes
# an editor's files, and `cargo run` and `cargo nextest run` in tests/ find the machine.
{
  mkShell,
  runCommand,
  rustPlatform,
  cargo,
  cargo-nextest,
  clippy,
  python3,
  rustfmt,
  shellcheck,
  shfmt,
  # The parts in tests/per-kernel.nix of a kernel.
  machine,
}:
let
  inherit (machine) kernel dmp;
in
mkShell (
  machine.environment.variables
  // {
    # dmp brings the rustc that built the kernel.
    inputsFrom = [ dmp ];
    packages = [
      cargo
      cargo-nextest
      clippy
      python3
      rustfmt
      shellcheck
      shfmt
    ];
    # The package's own compiler adds no hardening.
    hardeningDisable = [ "all" ];
    KDIR = "${kernel.dev}/lib/modules/${kernel.modDirVersion}/build";
    RUST_LIB_SRC = rustPlatform.rustLibSrc;
    KERNEL_RUST = runCommand "linux-rust" { inherit (kernel) src; } ''
      mkdir $out
      tar -C $out -xf $src --strip-components=2 --wildcards --no-wildcards-match-slash '*/rust'
    '';
  }
)
