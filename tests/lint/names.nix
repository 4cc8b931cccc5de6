# Packages and apps that the documentation names as .#NAME. Only nixpkgs has those of the
# intermediate kernels.
{
  runCommand,
  # The names of the flake's packages.
  packages,
}:
let
  # All files below a folder.
  filesBelow =
    folder:
    let
      entries = builtins.readDir folder;
      files =
        name:
        if entries.${name} == "directory" then
          filesBelow (folder + "/${name}")
        else
          [ (folder + "/${name}") ];
    in
    builtins.concatMap files (builtins.attrNames entries);
  isReadme = path: baseNameOf path == "README.md";
  # Nix cannot read the bytes of a picture.
  isPicture = path: builtins.match ".*[.]png" (baseNameOf path) != null;
  documents = [
    ../../README.md
  ]
  ++ builtins.filter isReadme (filesBelow ../.)
  ++ filesBelow ../../module/docs
  ++ builtins.filter (path: !isPicture path) (filesBelow ../../docs/src);
  # builtins.split returns strings between the matches.
  namesIn =
    document:
    builtins.concatMap (match: if builtins.isList match then match else [ ]) (
      builtins.split "[.]#([a-z][A-Za-z0-9_-]*)" (builtins.readFile document)
    );
  named = builtins.concatMap namesIn documents;
  isThere = name: builtins.elem name (packages ++ [ "checks" ]) || builtins.match ".*-6_18" name != null;
  missing = builtins.filter (name: !isThere name) named;
in
runCommand "dmp-names"
  {
    named = toString named;
    missing = toString missing;
  }
  ''
    [[ $named == *debian-machine* && $named == *soak-debug* ]]
    if [[ $missing ]]; then
      echo "the documentation names packages that ci/packages.nix lacks: $missing" >&2
      exit 1
    fi
    touch $out
  ''
