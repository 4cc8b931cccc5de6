# The dashboard, compared with its generator and checked by the rules of Grafana's linter.
{ runCommand, python3 }:
let
  source = import ../../tests/source.nix {
    wanted = [ "dmpstat|dmpstat/prometheus(/.*)?" ];
  };
in
runCommand "dmp-dashboard" { nativeBuildInputs = [ python3 ]; } ''
  cd ${source}/dmpstat/prometheus
  python3 -B lint_test.py
  python3 -B dashboard.py --check
  python3 -B lint.py dashboard.json
  touch $out
''
