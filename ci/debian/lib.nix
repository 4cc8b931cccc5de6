# The functions of nixpkgs' lib that dmp's expressions use.
let
  inherit (builtins) concatStringsSep map;
in
rec {
  optionalString = condition: string: if condition then string else "";
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  genAttrs =
    names: f:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );
  getAttrs = names: set: genAttrs names (name: set.${name});
  throwIf = condition: message: if condition then throw message else (value: value);
  optional = condition: item: if condition then [ item ] else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  nameValuePair = name: value: { inherit name value; };
  mapAttrs' =
    f: set: builtins.listToAttrs (map (name: f name set.${name}) (builtins.attrNames set));
  concatMapAttrs =
    f: set:
    builtins.foldl' (all: name: all // f name set.${name}) { } (builtins.attrNames set);
  getBin = package: package.bin or package.out or package;
  getExe' = package: program: "${getBin package}/bin/${program}";
  getExe = package: getExe' package (package.meta.mainProgram or package.pname or package.name);
  # Packages of the root are left out.
  makeBinPath =
    packages:
    concatMapStringsSep ":" (package: "${getBin package}/bin") (
      builtins.filter (package: !(package ? isDebian)) packages
    );
  versionAtLeast = a: b: builtins.compareVersions a b >= 0;
  versionOlder = a: b: builtins.compareVersions a b < 0;
  # For files of one line: all newlines go.
  fileContents = file: builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile file);
  licenses.gpl2Only = "GPL-2.0-only";
}
