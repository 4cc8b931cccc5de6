# The outputs in the documentation, compared with those of their commands in the test machine.
{
  lib,
  runCommand,
  python3,
  vm,
}:
let
  pages = import ../source.nix {
    wanted = [ "README[.]md|docs|docs/(.*[.]md|src(/.*)?)" ];
  };
in
runCommand "dmp-docs-outputs"
  {
    DMP_VM = lib.getExe vm;
    nativeBuildInputs = [ python3 ];
  }
  ''
    export HOME=$NIX_BUILD_TOP
    mapfile -t pages < <(grep -rl --include='*.md' '^<!-- run' ${pages})
    python3 ${./outputs.py} "''${pages[@]}"
    touch $out
  ''
