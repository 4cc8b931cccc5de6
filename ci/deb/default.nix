# The Debian packages: dmp-dkms, from which DKMS builds the module for each kernel, and dmpstat.
{
  runCommand,
  dpkg,
  # A dmpstat that needs no library.
  dmpstat,
}:
runCommand "dmp-deb"
  {
    nativeBuildInputs = [ dpkg ];
    inherit dmpstat;
    dmpstatVersion = dmpstat.version;
    # What is said of the module to Nix is nothing to DKMS.
    module = builtins.path {
      name = "module";
      path = ../../module;
      filter = path: _: builtins.match ".*[.]nix" path == null;
    };
    packaging = ./.;
  }
  ''
    bash $packaging/build.sh
  ''
