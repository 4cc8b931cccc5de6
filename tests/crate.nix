# What builds of the tests' crate have in common. Each says what it needs of the source besides
# the programs, so that a change of the rest does not build it again.
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
  # They boot machines: see check.nix.
  doCheck = false;
}
