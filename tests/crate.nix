# What builds of the tests' crate have in common. Its source is without what changes
# nothing in it, the Nix files and shell scripts, and with the files of the module that
# its tests include.
let
  root = toString ../.;
  below = path: builtins.substring (builtins.stringLength root + 1) (-1) path;
in
{
  version = "0.1.0";
  src = builtins.path {
    name = "source";
    path = ../.;
    filter =
      path: _:
      builtins.match "tests|tests/.*|module|module/(histogram|summary|table_line)[.]rs" (below path)
      != null
      && builtins.match "tests/fuzz|.*[.](nix|sh)" (below path) == null;
  };
  sourceRoot = "source/tests";
  cargoLock.lockFile = ./Cargo.lock;
  # They boot machines: see check.nix.
  doCheck = false;
}
