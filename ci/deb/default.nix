# The Debian packages: dmpstat, and dmp-dkms, from which DKMS builds the module for each kernel.
{
  runCommand,
  dpkg,
  # dmpstat, linked without shared libraries.
  dmpstat,
}:
runCommand "dmp-deb"
  {
    nativeBuildInputs = [ dpkg ];
    inherit dmpstat;
    # DKMS does not need the module's Nix files and samples.
    module = builtins.path {
      name = "module";
      path = ../../module;
      filter = path: _: builtins.match ".*/samples|.*[.]nix" path == null;
    };
    changelog = ../../docs/CHANGELOG.md;
    # The book's pages about installing.
    pages = ../../docs/src/install;
    packaging = ./.;
  }
  ''
    bash $packaging/build.sh
  ''
