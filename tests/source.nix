# A source of which the repository's root is the root: the module's files that tests include,
# which need little or nothing of the kernel, and below tests/ what matches.
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
    matches "tests|module|module/wrappers" path
    || matches "module/(histogram|summary|table_line|wrappers/output|wrappers/rcu)[.]rs" path
    || matches "tests/(${pattern})" path && !matches ".*[.](nix|sh)" path;
}
