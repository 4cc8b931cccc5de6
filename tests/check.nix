# A run of the tests, of those that the filter (nextest's) lets through: every one boots
# a machine of its own.
{
  lib,
  runCommand,
  # The program of nextest.nix, and what environment.nix says of the machine.
  nextest,
  environment,
  name ? "tests",
  # On a kernel that watches itself, which takes ten times as long, what there is for it to
  # watch: lifetimes, locks and failures. What is about numbers would be the same there. And of
  # two hundred devices each goes seconds late.
  filter ?
    if environment.debugging then
      "binary(debug) + test(/^races::/) - test(_on_two_processors) + binary(dmp) & ("
      + "test(/^(lifecycle|names|ownership|readers|reset)::/) - test(two_hundred_devices)"
      + " + test(/^as_linear::(a_failed_load|counters_survive|lines_are_those|the_module_is_in_use)_/)"
      + " + test(/^(errors::a_|latency::(a_|anything_)|periods::(a_|requests_))/)"
      + " - test(a_request_of_seconds_) + test(/^memory::no_allocation_/))"
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
    # The tests that this leaves out, but for those of the machine code, because what is shipped has
    # other code, and of btrfs, which this kernel has not.
    # `ci/nix build .#checks.x86_64-linux.tests-debug.rest`
    rest = run "not binary(code) - test(btrfs) - (${filter})" { };
  }
)
