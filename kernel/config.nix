# The .config of a kernel of the tests: tinyconfig and a fragment.
{
  stdenv,
  linux,
  fragment,
  extraMakeFlags,
  bison,
  flex,
  perl,
  rustc-unwrapped,
  rust-bindgen-unwrapped,
  rustPlatform,
  pahole,
}:
stdenv.mkDerivation {
  pname = "dmp-kernel-config";
  inherit (linux) version src;
  inherit fragment;

  # Kconfig probes these tools for features.
  nativeBuildInputs = [
    bison
    flex
    perl
    rustc-unwrapped
    rust-bindgen-unwrapped
    pahole
  ];
  makeFlags = linux.commonMakeFlags ++ extraMakeFlags;
  env.RUST_LIB_SRC = rustPlatform.rustLibSrc;

  postPatch = ''
    patchShebangs scripts
  '';

  buildPhase = ''
    make $makeFlags tinyconfig
    cat $fragment >>.config
    make $makeFlags olddefconfig

    # Kconfig drops unknown options and options with unmet dependencies, and keeps options that
    # another one selects. The last of several lines about an option counts.
    tac $fragment | awk '
      /^CONFIG_/ { split($0, option, "="); name = option[1] }
      /^# CONFIG_.* is not set$/ { name = $2 }
      name != "" && !seen[name]++ { print }
      { name = "" }' >wanted
    lost=$(
      grep -E '^CONFIG_' wanted | grep -vxFf .config || true
      sed -nE 's/^# (CONFIG_[A-Z0-9_]+) is not set$/^\1=/p' wanted | grep -f - .config || true
    )
    if [ -n "$lost" ]; then
      echo "Kconfig did not keep these lines of the kernel's fragment:" >&2
      echo "$lost" >&2
      # Missing Rust tools are the likeliest cause. Kbuild names them.
      make $makeFlags rustavailable >&2 || true
      exit 1
    fi
  '';

  installPhase = ''
    cp .config $out
  '';
}
