# `nix run .#soak -- --minutes 60`: repeats the stress tests, each race for a minute, and stops at
# the first failed round.
{
  lib,
  writeShellApplication,
  # The program of nextest.nix, and the machine's parts by ../environment.nix.
  nextest,
  environment,
}:
writeShellApplication {
  name = "dmp-soak";
  text = ''
    case "''${1-}" in
    -h | --help)
      echo "Repeats dmp's stress tests until one fails, or until the end of the round in which the time is up."
      echo
      echo "Usage: dmp-soak [--minutes N]      (default: 60)"
      exit
      ;;
    "") minutes=60 ;;
    --minutes) minutes=''${2-} ;;
    *) minutes= ;;
    esac
    if [[ $# -gt 2 || ! $minutes =~ ^[1-9][0-9]*$ ]]; then
      echo "dmp-soak: wrong arguments: expected --minutes and a number" >&2
      exit 2
    fi

    ${environment.exports}
    export DMP_STRESS_SECONDS="''${DMP_STRESS_SECONDS-60}"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT

    seed=''${DMP_STRESS_SEED-}
    round=0
    while ((SECONDS < minutes * 60)); do
      round=$((round + 1))
      export DMP_STRESS_SEED=''${seed:-$RANDOM}
      echo "dmp-soak: round $round, $((SECONDS / 60)) of $minutes minutes"
      ${lib.getExe nextest} "$work" --no-fail-fast \
        --profile ${if environment.debugging then "soak-debug" else "soak"} \
        --filterset '${
          # This kernel has no btrfs.
          if environment.debugging then "binary(stress) - test(/::btrfs::/)" else "binary(stress)"
        }'
    done
    echo "dmp-soak: $round rounds, no failure"
  '';
  meta.description = "Repeats dmp's stress tests";
}
