# A package set of nixpkgs' shape and names whose programs are those of a Debian
# 13 root. In the sandbox the root's /usr, /bin, /lib and /lib64 are mounted in
# their places (ci/nix says so), so a build finds the tools where Debian has them
# and most packages here are empty names.
#
# Differences from nixpkgs. Faults that depend on them are not seen here:
#
# - Versions: gcc, clang, rustc and QEMU are Debian 13's, the kernels Debian's sources
#   with its patches, and there is none between the oldest and the newest.
# - A build sees the whole root: it finds what it does not name in nativeBuildInputs.
# - Compilers have no wrappers: nothing is hardened, and Rust has no frame pointers.
# - stdenv has the phases unpack, patch, configure, build, check and install: nothing is
#   stripped, and no interpreter or library path is rewritten.
# - Programs of Rust are static. In nixpkgs they are not, and are built by
#   cargo-auditable.
# - A kernel's dev output has one tree; nixpkgs' has source/ and build/, and in source/
#   no Rust. kernel/'s vmlinux is not in it.
# - busybox takes its own applets before what is in PATH.
# - Only description, mainProgram and broken of meta are looked at; the overlay and the
#   NixOS module are not used by anything.
{ machine }:
let
  lib = import ./lib.nix;
  line = file: builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile file);
  # Makes a path of the store one that builds can depend on.
  stored = path: builtins.appendContext path { ${path}.path = true; };

  root = stored (line "${machine}/root");

  # Calls a function with its arguments out of the set, and with those given.
  callPackage =
    file: arguments:
    let
      f = if builtins.isFunction file then file else import file;
    in
    f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // arguments);

  # A tool that is on every build's PATH already.
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

  # The tools of a development shell. Compilers look for their parts in /usr, so each tool
  # runs with the root's /usr, and so do the programs of the path.
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
      "graphviz"
      "gzip"
      "kmod"
      "linkchecker"
      "mdbook"
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

      # A shell with those of the packages that are not in the root.
      mkShell =
        args:
        let
          path = lib.makeBinPath (builtins.filter (package: !(package ? isDebian)) args.packages);
        in
        stdenv.mkDerivation (
          {
            name = "shell";
            # nix develop wants outputs named.
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

      # The program of a wheel: see ./wheels.
      cargo-nextest = runCommand "cargo-nextest" { programs = stored (line "${machine}/programs"); } ''
        mkdir -p $out/bin
        ln -s $programs/cargo-nextest $out/bin/
      '';

      # Outside of the sandbox make, and all that it calls, are the root's.
      gnumake = rootTools "/usr/bin";

      # clang has no wrapper for user space, unlike nixpkgs' clang.
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
      # Outside of the sandbox QEMU's firmware is not at the path that QEMU was built with.
      qemu_test = hosted "qemu" {
        qemu-system-x86_64 = [
          "-L ${root}/usr/share/qemu"
          "-L ${root}/usr/share/seabios"
        ];
        qemu-img = [ ];
      };
      cargo-mutants = hosted "cargo-mutants" { cargo-mutants = [ ]; };
      rustfmt = hosted "rustfmt" { rustfmt = [ ]; };
      shfmt = hosted "shfmt" { shfmt = [ ]; };
    };
in
pkgs
