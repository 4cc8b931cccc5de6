# dmp-vm with this build's kernel, initramfs and QEMU. With a script, runs the script in the
# machine.
{
  lib,
  writeShellApplication,
  dmp-vm,
  # The machine's parts by ../environment.nix.
  environment,
  name ? "vm",
  script ? null,
  description ? "Boots a virtual machine with dmp",
}:
writeShellApplication {
  name = "dmp-${name}";
  text = ''
    ${environment.exports}
    # `nix run .#vm -- COMMAND` keeps the -- for itself.
    case "''${1--}" in
    -*) ;;
    *) set -- -- "$@" ;;
    esac
    exec ${lib.getExe dmp-vm} ${lib.optionalString (script != null) "--script ${script}"} "$@"
  '';
  meta = { inherit description; };
}
