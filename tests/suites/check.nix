# A run of the tests that nextest's filter selects. Every test boots its own machine.
{
  lib,
  runCommand,
  # The program of nextest.nix, and the machine's parts by ../environment.nix.
  nextest,
  environment,
  name ? "tests",
  # The debug kernel is ten times slower, so it runs only the tests of lifetimes, locks and
  # failures: those in a module `debug`. Numbers would be the same there.
  filter ?
    if environment.debugging then
      "binary(debug) + test(/(^|::)debug::/)"
    else
      "not binary(stress) - binary(debug)",
}:
let
  profile = if environment.debugging then "debug" else "default";
  run =
    filter: passthru:
    runCommand "dmp-${name}-run"
      (
        environment.variables
        // {
          inherit filter profile passthru;
        }
        // lib.optionalAttrs environment.debugging { DMP_STRESS_SECONDS = "3"; }
      )
      ''
        export HOME=$NIX_BUILD_TOP
        mkdir $out
        ${lib.getExe nextest} workspace --color never --no-fail-fast \
          --profile $profile --filterset "$filter" 2>&1 | tee $out/log
        cp workspace/target/nextest/$profile/junit.xml $out
      '';
in
run filter (
  lib.optionalAttrs environment.debugging {
    # The tests that the filter leaves out. Tests of the machine code are not among them, because
    # the shipped module has other code, and tests of btrfs are not, because this kernel lacks
    # btrfs. `again::resent` tells its reason.
    rest = run "not binary(code) - test(/::btrfs::/) - test(/::resent::/) - (${filter})" { };
  }
)
