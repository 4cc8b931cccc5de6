# The outputs and pictures in the documentation, compared with those made in the test machine.
{
  lib,
  runCommand,
  python3,
  vm,
  # The program that makes the pictures.
  pictures,
}:
let
  pages = import ../source.nix {
    wanted = [ "README[.]md|docs|docs/(.*[.]md|src(/.*)?)" ];
  };
  scripts = import ../source.nix {
    wanted = [
      "tests|tests/docs(/.*[.]py)?"
      # The pages quote these.
      "tests/suites(/dmp(/debug(/errors[.]rs)?)?)?"
      "dmpstat|dmpstat/tests(/program(/(formats|heatmaps)[.]rs)?)?"
    ];
  };
in
runCommand "dmp-docs-outputs"
  {
    DMP_VM = lib.getExe vm;
    nativeBuildInputs = [ python3 ];
  }
  ''
    export HOME=$NIX_BUILD_TOP
    # It sleeps most of the time.
    mkdir made
    ${pictures} made $DMP_VM >log 2>&1 &
    making=$!
    mapfile -t pages < <(grep -rlE --include='*.md' '^<!-- (run|from)' ${pages})
    python3 ${scripts}/tests/docs/outputs.py "''${pages[@]}"
    # A host is never so busy that half of the fast reads take longer.
    SECONDS_EACH=5 DELAY_MS=200 bash ${./report.sh} page.html
    python3 ${scripts}/tests/docs/halves.py page.html 200
    wait $making || {
      cat log
      exit 1
    }
    python3 ${scripts}/tests/docs/pictures.py ${pages}/docs/src/pictures made
    touch $out
  ''
