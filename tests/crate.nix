# What builds of the tests' crate have in common. Its source is without what changes
# nothing in it.
{
  version = "0.1.0";
  src = import ./source.nix "[.].*|Cargo.*|src.*|tests.*|bench|bench/Cargo.*|bench/src.*";
  sourceRoot = "source/tests";
  cargoLock.lockFile = ./Cargo.lock;
  # They boot machines: see check.nix.
  doCheck = false;
}
