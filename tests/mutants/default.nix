# `nix run .#mutants`: changes dmpstat and the module's plain Rust, one place at a time, and runs
# the tests that boot nothing. Fails if a change survives that the configuration does not exclude.
{
  rustPlatform,
  writeShellApplication,
  cargo,
  cargo-mutants,
  gcc,
  # Debian's gnumake brings all tools of its root.
  gnumake,
  rustc,
}:
let
  source = import ../source.nix {
    wanted = [
      "dmpstat|dmpstat/([.]cargo(/.*)?|Cargo[.].*|(etc|examples|prometheus|src|systemd|tests|udev)(/.*)?)"
      # cargo-mutants copies dmpstat/ into a folder of TMPDIR, so its tests find ../docs there as well.
      "README[.]md|docs|docs/src(/.*)?"
      "tests|tests/Cargo[.]lock|tests/pure|tests/pure/.*[.]rs|tests/mutants|tests/mutants/.*[.]toml"
    ];
    module = true;
  };
  crates = lockFile: rustPlatform.importCargoLock { inherit lockFile; };
in
writeShellApplication {
  name = "dmp-mutants";
  runtimeInputs = [
    cargo
    cargo-mutants
    gcc
    gnumake
    rustc
  ];
  text = ''
    case "''${1-}" in
    -h | --help)
      echo "Changes dmpstat and the module's plain Rust at one place at a time, and runs the tests"
      echo "that boot no machine. All files take hours. dmp-mutants/ in the current directory gets"
      echo "the results."
      echo
      echo "Usage: dmp-mutants [FILE...]       such as dmpstat/src/attach/lock.rs, module/histogram.rs"
      exit
      ;;
    -*)
      echo "dmp-mutants: unknown option $1: expected files" >&2
      exit 2
      ;;
    esac
    ((''$#)) || set -- dmpstat/src module

    output=$PWD/dmp-mutants
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export CARGO_HOME=$work/cargo TMPDIR=$work
    # Symbols are useless here, and take time.
    export CARGO_PROFILE_DEV_DEBUG=0
    mkdir -p "$CARGO_HOME" "$work/plain"

    cp -r --no-preserve=mode ${source}/. "$work"
    # dmpstat includes files of the module, too.
    cp -r "$work/module" "$work/plain"
    mv "$work/tests/mutants/Cargo.toml" "$work/plain"
    mkdir -p "$work/plain/.cargo" "$work/plain/tests" "$work/plain/dmpstat/tests"
    mv "$work/tests/mutants/mutants.toml" "$work/plain/.cargo"
    mv "$work/tests/pure" "$work/plain/tests"
    cp "$work/tests/Cargo.lock" "$work/plain"
    cp -r "$work/dmpstat/tests/snapshots" "$work/plain/dmpstat/tests"
    # cargo-mutants changes only the files of the library, and ignores cfg.
    sed -n 's|.*path = "../../module/\(.*\)[.]rs"\].*|\1|p' "$work"/plain/tests/pure/*.rs |
      sort -u | while read -r file; do
        printf '#[cfg(any())]\n#[path = "%s.rs"]\nmod %s;\n' "$file" "''${file##*/}"
      done >"$work/plain/module/plain.rs"

    mutants() { # the crate's directory, its crates, FILE...
      local directory=$1 crates=$2 files=() file
      shift 2
      for file; do
        files+=(--file "$file")
      done
      cat >"$CARGO_HOME/config.toml" <<END
    [source.crates-io]
    replace-with = "vendored"
    [source.vendored]
    directory = "$crates"
    [net]
    offline = true
    END
      mkdir -p "$output/$directory"
      cargo-mutants mutants --dir "$work/$directory" --output "$output/$directory" \
        --no-shuffle --colors never "''${files[@]}"
    }
    dmpstat=() plain=() status=0
    for file; do
      case $file in
      dmpstat/src) dmpstat+=('src/**') ;;
      dmpstat/*) dmpstat+=("''${file#dmpstat/}") ;;
      module) plain+=('module/**') ;;
      module/*) plain+=("$file") ;;
      *)
        echo "dmp-mutants: $file is not a file of dmpstat/ or module/" >&2
        exit 2
        ;;
      esac
    done
    ((''${#plain[@]} == 0)) || mutants plain ${crates ../Cargo.lock} "''${plain[@]}" || status=$?
    ((''${#dmpstat[@]} == 0)) || mutants dmpstat ${crates ../../dmpstat/Cargo.lock} "''${dmpstat[@]}" || status=$?
    exit "$status"
  '';
  meta.description = "Finds changes of dmpstat and of the module's plain Rust that no test detects";
}
