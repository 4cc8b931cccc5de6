# dmpstat, with its man pages and completions.
{
  lib,
  stdenv,
  rustPlatform,
}:
let
  target = stdenv.hostPlatform.rust.rustcTarget;
in
rustPlatform.buildRustPackage {
  pname = "dmpstat";
  version = lib.fileContents ../module/VERSION;
  src = import ../tests/source.nix {
    # The tests are left out: otherwise their changes would rebuild the machine and every booted
    # check.
    wanted = [ "dmpstat|dmpstat/(Cargo[.].*|Makefile|crates|(etc|src|systemd|udev)(/.*)?)" ];
    dmpstat = true;
  };
  sourceRoot = "source/dmpstat";
  cargoLock.lockFile = ./Cargo.lock;
  # The target is named for the reason in tests/fuzz: the flags apply to the program alone.
  buildPhase = "cargo build --release --locked --target ${target} --bins --features pages";
  # The test machine contains dmpstat, and does not wait for its tests: check.nix runs them.
  doCheck = false;
  installPhase = ''
    built=target/${target}/release
    $built/pages $built/share
    make install prefix=$out sysconfdir=$out/etc built=$built
    mkdir -p $out/share/doc/dmpstat
    bash crates ${target} >$out/share/doc/dmpstat/crates
  '';
  meta = {
    description = "Shows the requests of dmp devices, as iostat does";
    mainProgram = "dmpstat";
  };
}
