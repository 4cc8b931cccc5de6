# `nix run .#try -- counters::`: runs the tests of that name (or other arguments of nextest), with
# dmp.ko built from the working tree.
{
  lib,
  writeShellApplication,
  # The program of nextest.nix, and the machine's parts by ../environment.nix.
  nextest,
  environment,
}:
writeShellApplication {
  name = "dmp-try";
  text = ''
    case "''${1-}" in
    -h | --help)
      echo "Runs some of dmp's tests with the module of the tree."
      echo
      echo "Usage: dmp-try NAME...             parts of the tests' names, such as counters::"
      echo "       dmp-try OPTION...           options of cargo nextest run"
      exit
      ;;
    "")
      echo "dmp-try: no tests: name parts of their names, such as counters::, or options of nextest" >&2
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
