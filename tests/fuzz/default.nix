# The fuzz targets, with the flags of cargo-fuzz but without cargo-fuzz. The seed and the number of
# inputs are fixed, and Nix does not randomize addresses, so a target fails either always or never.
{ stdenv, rustPlatform }:
let
  target = stdenv.hostPlatform.rust.rustcTarget;
  # No flag needs a nightly compiler, because there is no sanitizer.
  flags = [
    "-Cpasses=sancov-module"
    "-Cllvm-args=-sanitizer-coverage-level=4"
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    "-Cllvm-args=-sanitizer-coverage-pc-table"
    "-Cllvm-args=-sanitizer-coverage-trace-compares"
    "-Cllvm-args=-sanitizer-coverage-stack-depth"
    "-Ccodegen-units=1"
    "--cfg=fuzzing"
  ];
in
rustPlatform.buildRustPackage {
  pname = "dmp-fuzz";
  version = "0.1.0";
  src = import ../source.nix {
    wanted = [
      "tests|tests/fuzz(/(Cargo[.].*|fuzz_targets|.*[.]rs))?"
      "dmpstat|dmpstat/src|dmpstat/src/model(/.*)?"
    ];
    module = true;
  };
  sourceRoot = "source/tests/fuzz";
  cargoLock.lockFile = ./Cargo.lock;
  # These replace configured flags: libFuzzer looks up functions of libc at run time, and crashes in
  # a static program.
  env.RUSTFLAGS = toString flags;
  # Naming the target keeps the flags away from build scripts.
  buildPhase = "cargo build --release --locked --target ${target}";
  doCheck = true;
  # Longer inputs find nothing new, and take longer.
  checkPhase = ''
    fuzz() { # target, inputs, bytes of an input
      target/${target}/release/$1 -seed=1 -runs=$2 -max_len=$3 -print_final_stats=1 2>&1 |
        tee $1.log
    }
    fuzz table_line 3000000 64
    fuzz text 200000 300
    fuzz snapshot 1000000 200
    # Targets without coverage would also run, but find little.
    for log in *.log; do
      grep -H -E '^INFO: Loaded 1 modules +\([1-9][0-9]* inline 8-bit counters\)' $log || {
        echo "$log: no coverage" >&2
        exit 1
      }
    done
  '';
  installPhase = ''
    install -D -m 644 -t $out *.log
  '';
}
