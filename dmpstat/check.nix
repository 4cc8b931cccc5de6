# dmpstat's tests, which boot nothing. They do not use the release profile, which takes twice as
# long to build and would not detect an overflow: booted machines use that profile.
{ stdenv, dmpstat }:
dmpstat.overrideAttrs (_: {
  pname = "dmpstat-tests";
  src = import ../tests/source.nix {
    wanted = [
      "dmpstat|dmpstat/(Cargo[.].*|(etc|examples|prometheus|src|systemd|tests|udev)(/.*)?)"
      # Tests compare the pages and the README with the program.
      "README[.]md|docs|docs/src(/.*)?"
    ];
    dmpstat = true;
  };
  env.CARGO_PROFILE_DEV_DEBUG = "0";
  buildPhase = ''
    cargo test --locked --color never \
      --target ${stdenv.hostPlatform.rust.rustcTarget} 2>&1 | tee log
  '';
  installPhase = ''
    install -D -m 444 -t $out log
    # The check of the documentation's pictures runs it.
    install -D -t $out/bin target/${stdenv.hostPlatform.rust.rustcTarget}/debug/examples/pictures
  '';
})
