# A source of which the repository's root is the root: the paths below it that one of the
# patterns matches whole, and none of those that are unwanted.
{
  wanted,
  unwanted ? [ ],
  # What tests include of the module: files that need little or nothing of the kernel, and what
  # dmpstat has been given to read, which must be what they write.
  module ? false,
}:
let
  root = toString ../.;
  below = path: builtins.substring (builtins.stringLength root + 1) (-1) path;
  matches = path: pattern: builtins.match pattern (below path) != null;
  included = [
    "module|module/wrappers"
    "module/(histogram|lines|snapshot|stamp|summary|table_line|wrappers/atomic|wrappers/output|wrappers/rcu|wrappers/timeline)[.]rs"
    "dmpstat|dmpstat/tests|dmpstat/tests/snapshots|dmpstat/tests/snapshots/every-field"
  ];
in
builtins.path {
  name = "source";
  path = ../.;
  filter =
    path: _:
    builtins.any (matches path) (wanted ++ (if module then included else [ ]))
    && !builtins.any (matches path) (unwanted ++ [ ".*[.](nix|sh)" ]);
}
