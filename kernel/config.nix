# The .config of the test machine's kernel: tinyconfig and a fragment.
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

  # Kconfig asks each of these for its features.
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

    # Kconfig drops what it does not know or whose dependencies are not met, or switches on again
    # what another option wants. Of two lines about an option the later one counts, as for Kconfig.
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
      echo "these lines of the kernel's fragment did not survive:" >&2
      echo "$lost" >&2
      # The likeliest of reasons, in Kbuild's own words.
      make $makeFlags rustavailable >&2 || true
      exit 1
    fi
  '';

  installPhase = ''
    cp .config $out
  '';
}
