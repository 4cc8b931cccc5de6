# dmpstat's tests, which boot nothing.
{ stdenv, dmpstat }:
dmpstat.overrideAttrs (_: {
  pname = "dmpstat-tests";
  buildPhase = ''
    cargo test --release --locked --color never \
      --target ${stdenv.hostPlatform.rust.rustcTarget} 2>&1 | tee log
  '';
  installPhase = "install -D -m 444 -t $out log";
})
