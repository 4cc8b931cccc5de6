# A booted Debian with its own kernel and dmp's packages. See machine.
{
  writeShellApplication,
  qemu_test,
  deb,
}:
writeShellApplication {
  name = "debian-machine";
  runtimeInputs = [ qemu_test ];
  text = ''
    export DMP_DEB=${deb}
    export DMP_README=${../../README.md}
    export DMP_SOURCES=${../../ci/debian/sources.sh}
    exec bash ${./.}/machine "$@"
  '';
  meta.description = "Installs dmp's packages on a Debian with its own kernel, boots it and tests it there";
}
