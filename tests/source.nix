# A source of which the repository's root is the root: the module's files without kernel
# types, which tests include, and below tests/ what matches.
pattern:
let
  root = toString ../.;
  below = path: builtins.substring (builtins.stringLength root + 1) (-1) path;
  matches = pattern: path: builtins.match pattern (below path) != null;
in
builtins.path {
  name = "source";
  path = ../.;
  filter =
    path: _:
    matches "tests|module|module/(histogram|summary|table_line)[.]rs" path
    || matches "tests/(${pattern})" path && !matches ".*[.](nix|sh)" path;
}
