# A package set of nixpkgs' shape and names whose programs are those of a Debian 13 root. The
# sandbox mounts the root's /usr, /bin, /lib and /lib64 at their usual paths (see ci/nix), so a
# build finds the tools there, and most packages here are only names.
#
# Differences from nixpkgs. This package set does not detect faults that depend on them:
#
# - Versions: gcc, clang, rustc and QEMU are Debian 13's, the kernels are Debian's sources with its
#   patches, and there are no kernels between the oldest and the newest.
# - A build sees the whole root, even tools that nativeBuildInputs does not name.
# - Compilers have no wrappers: nothing is hardened, and Rust has no frame pointers.
# - stdenv has only the phases unpack, patch, configure, build, check and install: nothing is
#   stripped, and no interpreter or library path is rewritten.
# - Programs of Rust are static. In nixpkgs they are dynamic, and cargo-auditable builds them.
# - A kernel's dev output has one tree; nixpkgs' has source/ and build/, and no Rust in source/. It
#   lacks vmlinux.
# - busybox prefers its own applets to programs in PATH.
# - Only description, mainProgram and broken of meta are used; the overlay and the NixOS module are
#   not used at all.
{ machine }:
let
  lib = import ./lib.nix;
  line = file: builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile file);
  # Turns a path of the store into one that builds can depend on.
  stored = path: builtins.appendContext path { ${path}.path = true; };

  root = stored (line "${machine}/root");

  # Calls a function with arguments from the set, and with the given ones.
  callPackage =
    file: arguments:
    let
      f = if builtins.isFunction file then file else import file;
    in
    f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // arguments);

  # A tool that is already on every build's PATH.
  tool = name: {
    inherit name;
    isDebian = true;
  };
  tools = names: lib.genAttrs names tool;

  # Programs of the root that are named by path: links into the sandbox's /usr.
  links =
    name: programs:
    runCommand name { inherit programs; } ''
      mkdir -p $out/bin
      for program in $programs; do
        ln -s "$program" $out/bin/
      done
    '';

  # Programs of the root that also run outside of the sandbox: with the root's own loader and
  # libraries, because the host may have older ones. Each has the flags that it always needs.
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

  # Programs of the own root of a package, which see it at /usr: Alertmanager has files there. Only
  # ci/nix build .#PACKAGE makes that root.
  ofRoot =
    package: name: programs:
    if builtins.pathExists "${machine}/${package}" then
      runCommand name { } (
        "mkdir -p $out/bin"
        + lib.concatMapStringsSep "" (program: ''

          cat >$out/bin/${baseNameOf program} <<END
          #!/bin/sh
          exec unshare --map-root-user --mount /bin/busybox sh -c \
            '/bin/busybox mount -o bind ${stored (line "${machine}/${package}")}/usr /usr && exec "\$0" "\$@"' \
            /usr/${program} "\$@"
          END
          chmod +x $out/bin/${baseNameOf program}'') programs
      )
    else
      runCommand name { } "echo 'build this with ci/nix build .#${package}' >&2 && exit 1";
  ofFleet = ofRoot "fleet";
  ofScreens = ofRoot "screens";

  # The tools of a development shell. Compilers search for their parts in /usr, so each tool, and each
  # program of the path, runs with the root's /usr.
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

      python3 = tool "python3" // {
        withPackages = _: ofScreens "python3" [ "bin/python3" ];
      };

      # A shell with those packages that are not in the root.
      mkShell =
        args:
        let
          path = lib.makeBinPath (builtins.filter (package: !(package ? isDebian)) args.packages);
        in
        stdenv.mkDerivation (
          {
            name = "shell";
            # nix develop requires an attribute `outputs`.
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

      # Outside of the sandbox make and everything that it calls come from the root.
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
      # Outside of the sandbox QEMU does not find its firmware at its compiled path.
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

      prometheus = ofFleet "prometheus" [ "bin/prometheus" ] // {
        cli = ofFleet "promtool" [ "bin/promtool" ];
      };
      victoriametrics = ofFleet "victoriametrics" [
        "bin/victoria-metrics"
        "bin/vmalert"
      ];
      prometheus-alertmanager = ofFleet "prometheus-alertmanager" [ "bin/prometheus-alertmanager" ];

      chromium = ofScreens "chromium" [ "lib/chromium/chromium" ];
      dejavu_fonts = "/usr";
      makeFontsConf =
        { fontDirectories }:
        runCommand "fonts.conf" { } ''
          echo '<fontconfig>${
            lib.concatMapStringsSep "" (folder: "<dir>${folder}/share/fonts</dir>") fontDirectories
          }<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>' >$out
        '';
    };
in
pkgs
