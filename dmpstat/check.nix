# dmpstat's tests, which boot nothing.
{ stdenv, dmpstat }:
dmpstat.overrideAttrs (_: {
  pname = "dmpstat-tests";
  src = import ../tests/source.nix {
    wanted = [ "dmpstat|dmpstat/(Cargo[.].*|(etc|examples|src|systemd|tests|udev)(/.*)?)" ];
  };
  buildPhase = ''
    cargo test --release --locked --color never \
      --target ${stdenv.hostPlatform.rust.rustcTarget} 2>&1 | tee log
  '';
  installPhase = "install -D -m 444 -t $out log";
})
