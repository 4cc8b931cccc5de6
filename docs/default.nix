# The documentation as web pages, without dead links: `nix build .#docs`, then result/index.html.
{
  stdenv,
  graphviz,
  mdbook,
  linkchecker,
}:
stdenv.mkDerivation {
  name = "dmp-docs";
  src = import ../tests/source.nix {
    wanted = [
      "README[.]md|LICENSE"
      "docs(/.*)?"
      # Pages include these files.
      "module|module/(docs|samples)(/.*)?"
      "dmpstat|dmpstat/tests|dmpstat/tests/snapshots(/.*)?"
      # The README shows and names these.
      "tests(/README[.]md)?"
    ];
  };
  nativeBuildInputs = [
    graphviz
    mdbook
    linkchecker
  ];
  buildPhase = ''
    dot -Tsvg docs/src/how/request.dot -o docs/src/how/request.svg
    mdbook build docs --dest-dir $PWD/book
  '';
  doCheck = true;
  checkPhase = ''
    export HOME=$PWD
    linkchecker --config=docs/linkchecker.ini --no-status book/index.html
    linkchecker --config=docs/linkchecker.ini --no-status --recursion-level=1 README.md
  '';
  installPhase = "cp -r book $out";
  meta.description = "The documentation of dmp";
}
