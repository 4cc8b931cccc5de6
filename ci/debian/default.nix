# A package set of nixpkgs' shape and names whose programs are those of a Debian
# 13 root. In the sandbox the root's /usr, /bin, /lib and /lib64 are mounted in
# their places (ci/nix says so), so a build finds the tools where Debian has them
# and most packages here are empty names.
#
# What is other than with nixpkgs, and so is not seen here:
#
# - Versions: gcc, clang, rustc and QEMU are Debian 13's, the kernels Debian's sources
#   with its patches, and there is none between the oldest and the newest.
# - A build sees the whole root: it finds what it does not name in nativeBuildInputs.
# - Compilers have no wrappers: nothing is hardened, and Rust has no frame pointers.
# - Of stdenv's phases there are unpack, patch, configure, build, check and install:
#   nothing is stripped, and no interpreter or library path is rewritten.
# - Programs of Rust are static. In nixpkgs they are not, and are built by
#   cargo-auditable.
# - A kernel's dev output has one tree; nixpkgs' has source/ and build/, and in source/
#   no Rust. kernel/'s vmlinux is not in it.
# - busybox takes its own applets before what is in PATH.
# - Of meta only description, mainProgram and broken are looked at; the overlay and the
#   NixOS module are not used by anything.
{ machine }:
let
  lib = import ./lib.nix;
  line = file: builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile file);
  # A path that is in the store already, as one that builds can depend on.
  stored = path: builtins.appendContext path { ${path}.path = true; };

  root = stored (line "${machine}/root");

  # A function's arguments out of the set, and those given.
  callPackage =
    file: arguments:
    let
      f = if builtins.isFunction file then file else import file;
    in
    f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // arguments);

  # What is on every build's PATH already.
  tool = name: {
    inherit name;
    isDebian = true;
  };
  tools = names: lib.genAttrs names tool;

  # Programs of the root to be named by path: links, which lead into the
  # sandbox's /usr.
  links =
    name: programs:
    runCommand name { inherit programs; } ''
      mkdir -p $out/bin
      for program in $programs; do
        ln -s "$program" $out/bin/
      done
    '';

  # A program of crates.io that Debian does not package. It waits for machines or for tests:
  # it need not be fast, but be built soon.
  pinned =
    pname: version: src:
    pkgs.rustPlatform.buildRustPackage {
      inherit pname version src;
      cargoLock.lockFile = src + "/Cargo.lock";
      cargoBuildFlags = [ "--package=${pname}" ];
      env.CARGO_PROFILE_RELEASE_OPT_LEVEL = "0";
    };

  # Programs of the root that run outside of the sandbox, too: with the root's own
  # loader and libraries, because the host may have older ones. Each has the flags
  # that it always needs.
  hosted =
    name: programs:
    runCommand name { } (
      "mkdir -p $out/bin"
      + lib.concatMapStringsSep "" (program: ''

        cat >$out/bin/${program} <<END
        #!/bin/sh
        exec ${root}/usr/lib64/ld-linux-x86-64.so.2 \\
          --library-path ${root}/usr/lib/x86_64-linux-gnu \\
          ${root}/usr/bin/${program} ${toString programs.${program}} "\$@"
        END
        chmod +x $out/bin/${program}'') (builtins.attrNames programs)
    );

  # The tools of a development shell. Compilers look for their parts in /usr, so
  # each runs where /usr is the root's, and those of the path as well.
  rootTools = path: runCommand "debian-tools" { } ''
    mkdir -p $out/bin
    for tool in bindgen cargo cargo-clippy cargo-fmt cc clippy-driver cpio depmod \
      dmsetup gcc gdb ld make qemu-img qemu-system-x86_64 rustc rustdoc rustfmt \
      shellcheck shfmt; do
      [ -e /usr/bin/$tool ] || [ -e /usr/sbin/$tool ] || continue
      cat >$out/bin/$tool <<END
    #!/bin/sh
    exec unshare --mount sh -c 'mount --bind ${root}/usr /usr && PATH=${path}:/usr/bin:/usr/sbin && exec "\$@"' sh $tool "\$@"
    END
      chmod +x $out/bin/$tool
    done
  '';

  inherit (import ./stdenv.nix { inherit lib root; })
    stdenv
    runCommand
    writeShellApplication
    ;

  pkgs =
    tools [
      "bc"
      "binutils"
      "bison"
      "cargo"
      "clippy"
      "cpio"
      "dpkg"
      "flex"
      "gcc"
      "gzip"
      "kmod"
      "perl"
      "pahole"
      "python3"
      "rust-bindgen-unwrapped"
      "rustc"
      "rustc-unwrapped"
      "shellcheck"
      "zstd"
    ]
    // {
      inherit
        lib
        callPackage
        stdenv
        runCommand
        writeShellApplication
        ;

      removeReferencesTo = writeShellApplication {
        name = "remove-references-to";
        text = ''
          # -t PATH FILE...
          hash=''${2#/nix/store/}
          sed -i "s/''${hash%%-*}/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee/g" "''${@:3}"
        '';
      };

      # Of the packages, what is not in the root.
      mkShell =
        args:
        let
          path = lib.makeBinPath (builtins.filter (package: !(package ? isDebian)) args.packages);
        in
        stdenv.mkDerivation (
          {
            name = "shell";
            # nix develop wants them named.
            outputs = [ "out" ];
            buildCommand = "touch $out";
            shellHook = "export PATH=${rootTools path}/bin:${path}:$PATH";
          }
          // builtins.removeAttrs args [
            "packages"
            "inputsFrom"
          ]
        );

      linuxKernel = import ./linux.nix {
        inherit lib stdenv root;
        versions = builtins.mapAttrs (series: _: line "${machine}/linux/${series}") (
          builtins.readDir "${machine}/linux"
        );
      };

      rustPlatform = import ./rust.nix {
        inherit lib stdenv;
        cratesOf = lockFile: stored (line "${machine}/crates/${builtins.hashFile "sha256" lockFile}");
      };

      cargo-nextest = pinned "cargo-nextest" "0.9.100" ./nextest;
      cargo-mutants = pinned "cargo-mutants" "26.0.0" ./mutants;

      # Outside of the sandbox it, and all that it calls, are the root's.
      gnumake = rootTools "/usr/bin";

      # There is no wrapper for user space, as nixpkgs' clang is.
      clang.cc = links "clang" [ "/usr/bin/clang" ];
      busybox = links "busybox" [ "/usr/bin/busybox" ];
      coreutils = links "coreutils" [ "/usr/bin/dd" ];
      lvm2 = links "lvm2" [
        "/usr/sbin/dmsetup"
        "/usr/sbin/lvm"
      ];
      btrfs-progs = links "btrfs-progs" [
        "/usr/bin/btrfs"
        "/usr/sbin/mkfs.btrfs"
      ];
      e2fsprogs = links "e2fsprogs" [
        "/usr/sbin/e2fsck"
        "/usr/sbin/e4crypt"
        "/usr/sbin/mkfs.ext4"
      ];
      fio = links "fio" [ "/usr/bin/fio" ];
      sysstat = links "sysstat" [ "/usr/bin/iostat" ];
      thin-provisioning-tools = links "thin-provisioning-tools" [ "/usr/sbin/pdata_tools" ];
      util-linux = links "util-linux" [
        "/usr/sbin/blkdiscard"
        "/usr/sbin/blkzone"
      ];
      # Its firmware is not where it was built to look, outside of the sandbox.
      qemu_test = hosted "qemu" {
        qemu-system-x86_64 = [
          "-L ${root}/usr/share/qemu"
          "-L ${root}/usr/share/seabios"
        ];
        qemu-img = [ ];
      };
      rustfmt = hosted "rustfmt" { rustfmt = [ ]; };
      shfmt = hosted "shfmt" { shfmt = [ ]; };
    };
in
pkgs
