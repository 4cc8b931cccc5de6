# stdenv and the simple builders, as far as dmp uses them.
{ lib, root }:
let
  # In nixpkgs these are for nix or for users; a builder does not need them.
  notForBuilder = [
    "passthru"
    "meta"
    "env"
    "pname"
    "buildInputs"
    "nativeBuildInputs"
    # Debian's compilers add no such flags by default.
    "hardeningDisable"
  ];

  mkDerivation =
    attrs:
    let
      name = attrs.name or "${attrs.pname}-${attrs.version}";
      inputs = builtins.filter (input: !(input ? isDebian)) (
        (attrs.nativeBuildInputs or [ ]) ++ (attrs.buildInputs or [ ])
      );
      # nixpkgs does the same.
      checked = lib.throwIf (attrs.meta.broken or false) "${name} is marked as broken";
      drv = checked derivation (
        builtins.removeAttrs attrs notForBuilder
        // (attrs.env or { })
        // {
          inherit name;
          system = "x86_64-linux";
          builder = "/bin/bash";
          args = [
            "-e"
            ./setup.sh
          ];
          inputPath = lib.makeBinPath inputs;
          # Another root makes another derivation.
          debianRoot = root;
        }
      );
    in
    drv
    // (attrs.passthru or { })
    // {
      inherit name;
      pname = attrs.pname or name;
      version = attrs.version or "";
      meta = attrs.meta or { };
      overrideAttrs = f: mkDerivation (attrs // f attrs);
    };

  runCommand =
    name: attrs: text:
    mkDerivation (
      attrs
      // {
        inherit name;
        buildCommand = text;
      }
    );

  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      meta ? { },
    }:
    let
      path = lib.makeBinPath (builtins.filter (input: !(input ? isDebian)) runtimeInputs);
    in
    mkDerivation {
      inherit name;
      text = ''
        #!/usr/bin/env bash
        set -o errexit
        set -o nounset
        set -o pipefail
        ${lib.optionalString (path != "") ''export PATH="${path}:$PATH"''}
        ${text}
      '';
      passAsFile = [ "text" ];
      buildCommand = ''
        install -D "$textPath" "$out/bin/${name}"
        shellcheck "$out/bin/${name}"
      '';
      meta = meta // {
        mainProgram = name;
      };
    };
in
{
  inherit runCommand writeShellApplication;

  stdenv = {
    inherit mkDerivation;
    hostPlatform = {
      system = "x86_64-linux";
      linuxArch = "x86_64";
      rust.rustcTarget = "x86_64-unknown-linux-gnu";
    };
  };
}
