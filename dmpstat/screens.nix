# The page of a recording in Chromium, compared with the pictures in tests/screens. Its attribute
# `pictures` has the new pictures.
{
  runCommand,
  python3,
  chromium,
  dejavu_fonts,
  makeFontsConf,
  dmpstat,
}:
let
  source = import ../tests/source.nix {
    wanted = [ "dmpstat|dmpstat/tests(/screens(/.*)?)?" ];
  };
  screens = "${source}/dmpstat/tests/screens";
  python = python3.withPackages (packages: [ packages.pillow ]);

  pictures =
    runCommand "dmpstat-pictures"
      {
        nativeBuildInputs = [
          python
          chromium
          dmpstat
        ];
        FONTCONFIG_FILE = makeFontsConf { fontDirectories = [ dejavu_fonts ]; };
      }
      ''
        export HOME=$NIX_BUILD_TOP
        mkdir $out
        dmpstat report ${screens}/recording.dmpstat >page.html
        python3 -B ${screens}/screens.py make page.html $out
      '';
in
runCommand "dmpstat-screens"
  {
    nativeBuildInputs = [ python ];
    passthru = { inherit pictures; };
    meta.description = "Pictures of dmpstat's report in a browser";
  }
  ''
    mkdir $out
    python3 -B ${screens}/screens.py compare ${pictures} | tee $out/log
  ''
