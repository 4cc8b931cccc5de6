# The tests of the module's code that needs no kernel: they boot nothing.
{
  stdenv,
  rustPlatform,
  cargo-nextest,
}:
rustPlatform.buildRustPackage (
  import ../crate.nix {
    wanted = [
      "tests/([.]config|pure).*"
      # One test searches these for the documentation's examples.
      "tests/modules|tests/modules/.*[.]rs"
      "module/[a-z_/]*|module/.*[.]rs"
      # Other tests compare these with the table of statistics.
      "module/docs/(dmp.rst|sysfs-module-dmp)"
    ];
    module = true;
  }
  // {
    pname = "dmp-pure";
    nativeBuildInputs = [ cargo-nextest ];
    buildPhase = ''
      cargo-nextest nextest run --release --locked --color never --no-fail-fast \
        --target ${stdenv.hostPlatform.rust.rustcTarget} --package dmp-pure 2>&1 | tee log
    '';
    installPhase = ''
      install -D -m 444 -t $out log
    '';
  }
)
