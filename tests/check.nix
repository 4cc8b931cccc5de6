# A run of the tests, of those that the filter (nextest's) lets through: every one boots
# a machine of its own. They are compiled apart from their run, so that a changed module
# does not compile them again.
{
  lib,
  stdenv,
  runCommand,
  rustPlatform,
  cargo-nextest,
  # What environment.nix says of the machine.
  environment,
  name ? "tests",
  # On a kernel that watches itself, which takes ten times as long, what there is for it to
  # watch: lifetimes, locks and failures.
  filter ?
    if environment.debugging then
      "binary(debug) + test(/^races::/) + "
      + "binary(dmp) & test(/^(errors|latency|lifecycle|names|ownership|reset|under_load)::/)"
      + " - test(two_hundred_devices)"
    else
      "not binary(stress) - binary(debug)",
}:
let
  crate = import ./crate.nix;
  profile = if environment.debugging then "debug" else "default";
  archive = rustPlatform.buildRustPackage (
    crate
    // {
      pname = "dmp-tests";
      nativeBuildInputs = [ cargo-nextest ];
      buildPhase = ''
        mkdir $out
        cargo-nextest nextest archive --release --locked --workspace \
          --target ${stdenv.hostPlatform.rust.rustcTarget} --archive-file $out/tests.tar.zst
      '';
      installPhase = "true";
    }
  );
  run =
    filter: passthru:
    runCommand "dmp-${name}-run"
      (
        environment.variables
        // {
          nativeBuildInputs = [ cargo-nextest ];
          inherit filter profile passthru;
        }
        // lib.optionalAttrs environment.debugging { DMP_STRESS_SECONDS = "5"; }
      )
      ''
        export HOME=$NIX_BUILD_TOP
        # What nextest looks up in the workspace: its configuration.
        cp -r ${crate.src}/tests workspace
        chmod -R u+w workspace
        mkdir $out
        cargo-nextest nextest run --color never --no-fail-fast \
          --profile $profile --filterset "$filter" --archive-file ${archive}/tests.tar.zst --workspace-remap workspace 2>&1 |
          tee $out/log
        cp workspace/target/nextest/$profile/junit.xml $out
      '';
in
run filter (
  {
    inherit archive;
  }
  // lib.optionalAttrs environment.debugging {
    # The tests that this leaves out, but for those of the machine code: what is shipped has
    # other code. `ci/nix build .#checks.x86_64-linux.tests-debug.rest`
    rest = run "not binary(code) - (${filter})" { };
  }
)
