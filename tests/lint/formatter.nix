# `nix fmt`: formats the Rust and the shell of the whole tree.
{
  writeShellApplication,
  rustfmt,
  shfmt,
}:
writeShellApplication {
  name = "dmp-fmt";
  runtimeInputs = [
    rustfmt
    shfmt
  ];
  text = ''
    cd "$(git rev-parse --show-toplevel)"
    git ls-files -z 'module/*.rs' 'tests/modules/*.rs' | xargs -0r rustfmt --edition 2021
    git ls-files -z 'tests/*.rs' ':!tests/modules' | xargs -0r rustfmt --edition 2024
    git ls-files -z | xargs -0r shfmt -f | xargs -r shfmt -w
  '';
}
