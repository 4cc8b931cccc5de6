# dmpstat, with its man pages and completions.
{ stdenv, rustPlatform }:
let
  target = stdenv.hostPlatform.rust.rustcTarget;
in
rustPlatform.buildRustPackage {
  pname = "dmpstat";
  version = "0.1.0";
  src = import ../tests/source.nix {
    # Not its tests: the machine, and so all that is booted, would be built again with them.
    wanted = [ "dmpstat|dmpstat/(Cargo[.].*|(etc|src|systemd|udev)(/.*)?)" ];
  };
  sourceRoot = "source/dmpstat";
  cargoLock.lockFile = ./Cargo.lock;
  # Naming the target is for fuzz.nix's reason: the flags are those of the program alone.
  buildPhase = "cargo build --release --locked --target ${target} --bins --features pages";
  # The test machine has it, and does not wait for its tests: check.nix runs them.
  doCheck = false;
  installPhase = ''
    built=target/${target}/release
    install -D -t $out/bin $built/dmpstat
    $built/pages pages
    install -D -m 644 -t $out/share/man/man1 pages/*.1
    install -D -m 644 pages/dmpstat.bash $out/share/bash-completion/completions/dmpstat
    install -D -m 644 -t $out/share/zsh/site-functions pages/_dmpstat
    install -D -m 644 -t $out/share/fish/vendor_completions.d pages/dmpstat.fish
    install -D -m 644 -t $out/lib/systemd/system systemd/*
    install -D -m 644 -t $out/lib/udev/rules.d udev/*
    sed -i "s|/usr/bin/dmpstat|$out/bin/dmpstat|" $out/lib/systemd/system/* $out/lib/udev/rules.d/*
    install -D -m 644 -t $out/etc/dmp etc/*
  '';
  meta = {
    description = "Shows what passes through dmp devices, as iostat does";
    mainProgram = "dmpstat";
  };
}
