# Attributes that all builds of the tests' crates share. Each build names its files besides the
# crates' manifests and the programs, so that a change of other files does not rebuild it.
source: {
  version = "0.1.0";
  src = import ./source.nix (
    source
    // {
      wanted = [
        "tests|tests/Cargo[.].*"
        "tests/(bench|machine|pure|suites)(/Cargo[.]toml)?"
        "tests/(bench|machine)/src.*"
      ]
      ++ source.wanted or [ ];
      unwanted = [ ".*/README[.]md" ];
    }
  );
  sourceRoot = "source/tests";
  cargoLock.lockFile = ./Cargo.lock;
  # The tests boot machines: suites/check.nix runs them.
  doCheck = false;
}
