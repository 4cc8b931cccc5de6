# `nix run .#try -- counters::`: runs the tests of that name (or what else nextest takes), with
# dmp.ko as it is in the tree.
{
  lib,
  writeShellApplication,
  # The program of nextest.nix, and the machine's parts by environment.nix.
  nextest,
  environment,
}:
writeShellApplication {
  name = "dmp-try";
  text = ''
    case "''${1-}" in
    -h | --help)
      echo "Runs some of dmp's tests, with the module as it is in the tree."
      echo
      echo "Usage: dmp-try NAME...             a part of the tests' names, as counters::"
      echo "       dmp-try OPTION...           of cargo nextest run"
      exit
      ;;
    "")
      echo "dmp-try: which tests? A part of their names, as counters::, or nextest's options" >&2
      exit 2
      ;;
    esac
    ${environment.exports}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    ${lib.getExe nextest} "$work" \
      --profile ${if environment.debugging then "debug" else "default"} "$@"
  '';
  meta.description = "Runs some of dmp's tests";
}
