# The parts of a machine for dmp-vm and the tests, as variables and as sh.
{
  lib,
  qemu_test,
  kernel,
  dmp,
  initramfs,
  # The initramfs with more tools, if a test needs it.
  tools ? null,
  # True for the debug kernel, which is slower.
  debugging,
}:
rec {
  inherit debugging;
  variables = {
    DMP_VM_QEMU = lib.getExe' qemu_test "qemu-system-x86_64";
    DMP_VM_QEMU_IMG = lib.getExe' qemu_test "qemu-img";
    DMP_VM_KERNEL = "${kernel}/bzImage";
    DMP_VM_INITRD = "${initramfs}/initrd";
    # The tests of the machine code read it.
    DMP_KO = "${dmp}/lib/modules/${kernel.modDirVersion}/extra/dmp.ko";
  }
  // lib.optionalAttrs (tools != null) {
    DMP_VM_TOOLS = "${tools}/initrd";
  }
  // lib.optionalAttrs debugging {
    DMP_VM_PATIENCE = "10";
  };
  exports = lib.concatMapStringsSep "\n" (name: "export ${name}=${variables.${name}}") (
    builtins.attrNames variables
  );
}
