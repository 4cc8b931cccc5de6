# A source with the repository's root: the paths that one of the patterns matches completely,
# without the unwanted ones.
{
  wanted,
  unwanted ? [ ],
  # True for the module files that tests include, because these need little or nothing from the
  # kernel, and for the snapshot that dmpstat's tests read: these files must produce it exactly.
  module ? false,
  # True for the files of the module that dmpstat includes.
  dmpstat ? false,
}:
let
  root = toString ../.;
  below = path: builtins.substring (builtins.stringLength root + 1) (-1) path;
  matches = path: pattern: builtins.match pattern (below path) != null;
  shared = [ "module|module/(histogram|measurement|operation|statistic)[.]rs" ];
  included = [
    "module|module/VERSION|module/wrappers|module/wrappers/compat"
    "module/(histogram|lines|measurement|operation|snapshot|statistic|stamp|summary|table_line|version|wrappers/atomic|wrappers/compat/rcu|wrappers/output|wrappers/rcu|wrappers/timeline)[.]rs"
    "dmpstat|dmpstat/tests|dmpstat/tests/snapshots|dmpstat/tests/snapshots/every-field"
  ];
in
builtins.path {
  name = "source";
  path = ../.;
  filter =
    path: _:
    builtins.any (matches path) (
      wanted ++ (if module then included else [ ]) ++ (if dmpstat then shared else [ ])
    )
    && !builtins.any (matches path) (unwanted ++ [ ".*[.](nix|sh)" ]);
}
