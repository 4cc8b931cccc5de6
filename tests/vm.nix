# dmp-vm with this build's kernel, initramfs and QEMU; or, given a script, that
# script in the machine.
{
  lib,
  writeShellApplication,
  qemu_test,
  dmp-vm,
  kernel,
  initramfs,
  # The initramfs with more tools in it.
  tools,
  name ? "vm",
  script ? null,
  # A kernel that watches itself is larger and slower.
  debugging ? false,
}:
writeShellApplication {
  name = "dmp-${name}";
  text = ''
    export DMP_VM_QEMU=${lib.getExe' qemu_test "qemu-system-x86_64"}
    export DMP_VM_KERNEL=${kernel}/bzImage
    export DMP_VM_INITRD=${initramfs}/initrd
    export DMP_VM_TOOLS=${tools}/initrd
    ${lib.optionalString debugging "export DMP_VM_MEMORY=1G DMP_VM_PATIENCE=5"}
    # `nix run .#vm -- COMMAND` keeps the -- for itself.
    case "''${1--}" in
    -*) ;;
    *) set -- -- "$@" ;;
    esac
    exec ${lib.getExe dmp-vm} ${lib.optionalString (script != null) "--script ${script}"} "$@"
  '';
}
