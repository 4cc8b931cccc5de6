# Attributes that all builds of the tests' crate share. Each build names the files that it
# needs besides the programs, so that a change of other files does not build it again.
source: {
  version = "0.1.0";
  src = import ./source.nix (
    source
    // {
      wanted = [
        "tests"
        "tests/([.].*|Cargo.*|src.*|bench|bench/Cargo.*|bench/src.*)"
      ]
      ++ source.wanted or [ ];
    }
  );
  sourceRoot = "source/tests";
  cargoLock.lockFile = ./Cargo.lock;
  # The tests boot machines: see check.nix.
  doCheck = false;
}
