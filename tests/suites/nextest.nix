# dmp-nextest DIRECTORY OPTION...: nextest with the tests that boot machines, and DIRECTORY for its
# output files. The tests are compiled separately from their runs, so that a changed module does not
# recompile them. The pure tests include files of the module.
{
  stdenv,
  rustPlatform,
  writeShellApplication,
  cargo-nextest,
  zstd,
}:
let
  crate = import ../crate.nix {
    wanted = [
      "tests/([.]config|machine/tests|suites).*"
      "module|module/VERSION"
    ];
  };
  # The content of nextest's archive: in a compressed file Nix would not see the libraries that the
  # tests need.
  tests = rustPlatform.buildRustPackage (
    crate
    // {
      pname = "dmp-tests";
      nativeBuildInputs = [
        cargo-nextest
        zstd
      ];
      buildPhase = ''
        cargo-nextest nextest archive --release --locked --workspace --exclude dmp-pure \
          --target ${stdenv.hostPlatform.rust.rustcTarget} --archive-file tests.tar.zst
      '';
      installPhase = ''
        mkdir $out
        zstd -dc tests.tar.zst | tar -C $out -x
      '';
    }
  );
in
writeShellApplication {
  name = "dmp-nextest";
  runtimeInputs = [ cargo-nextest ];
  text = ''
    directory=$1
    shift
    # nextest and the tests look up files in the workspace.
    mkdir -p "$directory"
    cp -r --no-preserve=mode ${crate.src}/tests/. "$directory"
    exec cargo-nextest nextest run \
      --binaries-metadata ${tests}/target/nextest/binaries-metadata.json \
      --cargo-metadata ${tests}/target/nextest/cargo-metadata.json \
      --target-dir-remap ${tests}/target --workspace-remap "$directory" "$@"
  '';
}
