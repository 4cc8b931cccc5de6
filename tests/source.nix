# The crate without its Nix files and shell scripts, which change nothing in it, and beside it
# the files of the module that its tests include. To be used with
# sourceRoot = "source/tests".
let
  root = toString ../.;
  below = path: builtins.substring (builtins.stringLength root + 1) (-1) path;
in
builtins.path {
  name = "source";
  path = ../.;
  filter =
    path: _:
    builtins.match "tests|tests/.*|module|module/(histogram|summary|table_line)[.]rs" (below path)
    != null
    && builtins.match ".*[.](nix|sh)" path == null;
}
