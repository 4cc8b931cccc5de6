# The crate without the Nix files beside it, which change nothing in it.
builtins.path {
  name = "dmp-tests";
  path = ./.;
  filter = path: _: builtins.match ".*[.]nix" path == null;
}
