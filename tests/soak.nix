# `nix run .#soak -- --minutes 60`: the stress tests over and over, each race for a
# minute. It stops at the first round that fails.
{
  writeShellApplication,
  cargo-nextest,
  # The run of them that check.nix makes, and the machine that it is in.
  stress,
  environment,
}:
let
  crate = import ./crate.nix;
  profile = if environment.debugging then "soak-debug" else "soak";
in
writeShellApplication {
  name = "dmp-soak";
  runtimeInputs = [ cargo-nextest ];
  text = ''
    case "''${1-}" in
    "") minutes=60 ;;
    --minutes) minutes=''${2-} ;;
    *) minutes= ;;
    esac
    if [[ $# -gt 2 || ! $minutes =~ ^[1-9][0-9]*$ ]]; then
      echo "dmp-soak: it takes --minutes and a number, nothing else" >&2
      exit 2
    fi

    ${environment.exports}
    export DMP_STRESS_SECONDS="''${DMP_STRESS_SECONDS-60}"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # What nextest looks up in the workspace: its configuration.
    cp -r ${crate.src}/tests "$work/workspace"
    chmod -R u+w "$work/workspace"

    seed=''${DMP_STRESS_SEED-}
    round=0
    while ((SECONDS < minutes * 60)); do
      round=$((round + 1))
      export DMP_STRESS_SEED=''${seed:-$RANDOM}
      echo "dmp-soak: round $round, $((SECONDS / 60)) of $minutes minutes"
      cargo-nextest nextest run --no-fail-fast \
        --profile ${profile} --filterset 'binary(stress)' \
        --archive-file ${stress.archive}/tests.tar.zst --workspace-remap "$work/workspace"
    done
    echo "dmp-soak: $round rounds, nothing failed"
  '';
}
