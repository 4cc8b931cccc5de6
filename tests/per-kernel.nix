# Everything that is built for one kernel: the module, the machine, and the programs and checks that
# boot it.
{
  lib,
  callPackage,
  # The arguments of kernel/.
  choice,
  dmpstat,
}:
let
  kernel = callPackage ../kernel choice;
  dmp = callPackage ../module { inherit kernel; };
  initramfs = callPackage ../initramfs { inherit kernel dmp dmpstat; };
  testModules = callPackage ./modules {
    inherit kernel;
    pname = "dmp-test-modules";
    # One of the modules uses the module's wrappers.
    src = import ./source.nix {
      wanted = [
        "tests|tests/modules(/(Kbuild|.*[.](c|rs)))?"
        "module|module/wrappers.*"
      ];
    };
    folder = "tests/modules";
  };
  samples = callPackage ./modules {
    inherit kernel;
    pname = "dmp-samples";
    src = import ./source.nix { wanted = [ "module|module/(samples|wrappers).*" ]; };
    folder = "module/samples";
  };
  tools = callPackage ../initramfs/tools.nix { inherit initramfs testModules samples; };
  parts = {
    inherit
      kernel
      dmp
      initramfs
      tools
      ;
  };
  environmentOf =
    parts: callPackage ./environment.nix (parts // { debugging = choice.variant or null == "debug"; });
  environment = environmentOf parts;

  nextest = callPackage ./suites/nextest.nix { };
  dmp-vm = callPackage ./machine { };
  vm = run: callPackage ./machine/vm.nix ({ inherit dmp-vm environment; } // run);
  check = run: callPackage ./suites/check.nix ({ inherit nextest environment; } // run);

  variantOf =
    variant:
    callPackage ./per-kernel.nix {
      inherit dmpstat;
      choice = choice // { inherit variant; };
    };
  bench = callPackage ./bench {
    tested = parts;
    plain = variantOf "bench";
    distribution = variantOf "bench-distribution";
  };
in
parts
// {
  inherit environment testModules samples;
  inherit (bench) bench bench-distribution bench-smoke;
  vm = vm { };
  demo = vm {
    name = "demo";
    # The demo does not wait for tools, because it does not use them.
    environment = environmentOf (removeAttrs parts [ "tools" ]);
    script = ./machine/demo.sh;
    description = "Shows what dmp does, in a virtual machine";
  };
  try = callPackage ./suites/try.nix { inherit nextest environment; };
  soak = callPackage ./suites/soak.nix { inherit nextest environment; };

  checks = {
    # The tests of the machine itself need only one kernel.
    tests = check (lib.optionalAttrs (choice ? upstream) { filter = "binary(dmp) + binary(code)"; });
    stress = check {
      name = "stress";
      filter = "binary(stress)";
    };
    bench-smoke = bench.smoke;
  };
  # Inputs of the checks that are not checks themselves.
  inputs = [
    nextest
    tools
  ]
  ++ lib.optional (!environment.debugging) bench.bench-smoke;
}
