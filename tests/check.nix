# A run of the tests, of those that the filter (nextest's) lets through: every one boots
# a machine of its own. They are compiled apart from their run, so that a changed module
# does not compile them again.
{
  lib,
  runCommand,
  rustPlatform,
  cargo-nextest,
  qemu_test,
  kernel,
  initramfs,
  # The initramfs with more tools in it.
  tools,
  name ? "tests",
  filter ? "not binary(stress) - binary(debug)",
  # A kernel that watches itself is larger and slower.
  debugging ? false,
}:
let
  crate = import ./crate.nix;
  archive = rustPlatform.buildRustPackage (
    crate
    // {
      pname = "dmp-tests";
      nativeBuildInputs = [ cargo-nextest ];
      buildPhase = ''
        mkdir $out
        cargo-nextest nextest archive --release --locked --archive-file $out/tests.tar.zst
      '';
      installPhase = "true";
    }
  );
  environment = {
    DMP_VM_QEMU = lib.getExe' qemu_test "qemu-system-x86_64";
    DMP_VM_QEMU_IMG = lib.getExe' qemu_test "qemu-img";
    DMP_VM_KERNEL = "${kernel}/bzImage";
    DMP_VM_INITRD = "${initramfs}/initrd";
    DMP_VM_TOOLS = "${tools}/initrd";
  }
  // lib.optionalAttrs debugging {
    DMP_VM_MEMORY = "1G";
    DMP_VM_PATIENCE = "5";
  };
in
runCommand "dmp-${name}-run"
  (
    environment
    // {
      nativeBuildInputs = [ cargo-nextest ];
      inherit filter;
      passthru = {
        inherit
          archive
          environment
          initramfs
          tools
          ;
      };
    }
  )
  ''
    export HOME=$NIX_BUILD_TOP
    # What nextest looks up in the workspace: its configuration.
    cp -r ${crate.src}/tests workspace
    chmod -R u+w workspace
    mkdir $out
    cargo-nextest nextest run --color never --no-fail-fast \
      --filterset "$filter" --archive-file ${archive}/tests.tar.zst --workspace-remap workspace 2>&1 |
      tee $out/log
  ''
